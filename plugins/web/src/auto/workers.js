/** Decodes in workers, several files at a time; where a page's policy forbids workers, in the page. */

/** @typedef {import('./convert.js').Answer} Answer */
/** @typedef {{ bytes: Uint8Array, resolve: (answer: Answer) => void }} Job */

const MOST_WORKERS = 4
const CLASSIC = typeof KPAL_CLASSIC === 'boolean' // in the bundle, which is also the script of its workers
const SCRIPT = CLASSIC ? /** @type {any} */ (globalThis.document?.currentScript)?.src : ''
const START_MS = 10000 // after which a worker that has not said that it is ready never will

/**
 * @param {string} text
 * @param {WorkerType} type
 */
export function workerOf(text, type) {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }))
  try {
    return new Worker(url, { type })
  } finally {
    setTimeout(() => URL.revokeObjectURL(url), START_MS)
  }
}

export class Workers {
  constructor() {
    /** @type {Job[]} */
    this.queue = []
    /** @type {Set<Worker>} */
    this.all = new Set()
    /** @type {Map<Worker, Job | null>} what each worker that is ready works on */
    this.jobs = new Map()
    /** @type {((this: Workers) => Worker)[]} ways to make a worker, until the one that works is first */
    this.ways = CLASSIC ? [this.fromScript, this.fromCopyOfScript] : [this.fromModule, this.fromBlob]
    this.most = Math.max(2, Math.min(MOST_WORKERS, (navigator.hardwareConcurrency || 2) - 1))
    this.working = false // whether a worker has ever answered
    this.inPage = false
  }

  /**
   * Resolves to a PNG file or an error.
   * @param {Uint8Array} bytes
   * @returns {Promise<Answer>}
   */
  convert(bytes) {
    return new Promise((resolve) => {
      this.queue.push({ bytes, resolve })
      this.work()
    })
  }

  /** Starts workers early: until the first file is there, they are ready. */
  warm() {
    while (!this.inPage && this.all.size < 2) this.add()
  }

  work() {
    if (this.inPage) return this.workInPage()
    for (const [worker, job] of this.jobs) if (!job && this.queue.length) this.give(worker)
    if (this.queue.length > this.all.size - this.jobs.size && this.all.size < this.most) this.add()
  }

  /** @param {Worker} worker */
  give(worker) {
    const job = /** @type {Job} */ (this.queue.shift())
    this.jobs.set(worker, job)
    worker.postMessage({ bytes: job.bytes }, [/** @type {ArrayBuffer} */ (job.bytes.buffer)])
  }

  add() {
    const [way] = this.ways
    /** @type {Worker} */
    let worker
    try {
      worker = way.call(this)
    } catch {
      return this.nextWay(way)
    }
    this.all.add(worker)
    const timer = setTimeout(() => this.lose(worker, way), START_MS)
    worker.onmessage = ({ data }) => {
      clearTimeout(timer)
      this.working = true
      this.jobs.get(worker)?.resolve(data) // the first message only says that it is ready
      this.jobs.set(worker, null)
      this.work()
    }
    worker.onerror = (event) => {
      event.preventDefault()
      clearTimeout(timer)
      if (this.all.has(worker)) this.lose(worker, way)
    }
  }

  /**
   * A worker could not be started, or has died, perhaps because memory ran out.
   * @param {Worker} worker
   * @param {(this: Workers) => Worker} way
   */
  lose(worker, way) {
    worker.terminate()
    const job = this.jobs.get(worker)
    this.all.delete(worker)
    this.jobs.delete(worker)
    if (this.working) {
      job?.resolve({ error: 'the worker stopped' })
      this.work()
    } else this.nextWay(way)
  }

  /** @param {(this: Workers) => Worker} way that does not work */
  nextWay(way) {
    if (way === this.ways[0]) this.ways.shift()
    if (this.ways.length === 0) this.inPage = true
    this.work()
  }

  async workInPage() {
    const { convert } = await import('./convert.js')
    for (let job; (job = this.queue.shift()); ) {
      job.resolve(await convert(job.bytes))
      await new Promise((resolve) => setTimeout(resolve)) // lets the page do something in between
    }
  }

  fromModule() {
    return new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
  }

  /** For a script from another origin, such as a content delivery network: workers themselves must be of the page's. */
  fromBlob() {
    return workerOf(`import ${JSON.stringify(new URL('./worker.js', import.meta.url).href)}`, 'module')
  }

  fromScript() {
    return new Worker(SCRIPT)
  }

  fromCopyOfScript() {
    return workerOf(`importScripts(${JSON.stringify(SCRIPT)})`, 'classic')
  }

  stop() {
    for (const worker of this.all) worker.terminate()
    for (const job of [...this.jobs.values(), ...this.queue]) job?.resolve({ error: 'stopped' })
    this.queue = []
    this.jobs.clear()
    this.all.clear()
  }
}
