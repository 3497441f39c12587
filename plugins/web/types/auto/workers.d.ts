/**
 * @param {string} text
 * @param {WorkerType} type
 */
export function workerOf(text: string, type: WorkerType): Worker;
export class Workers {
    /** @type {Job[]} */
    queue: Job[];
    /** @type {Set<Worker>} */
    all: Set<Worker>;
    /** @type {Map<Worker, Job | null>} what each worker that is ready works on */
    jobs: Map<Worker, Job | null>;
    /** @type {((this: Workers) => Worker)[]} ways to make a worker, until the one that works is first */
    ways: ((this: Workers) => Worker)[];
    most: number;
    working: boolean;
    inPage: boolean;
    /**
     * Resolves to a PNG file or an error.
     * @param {Uint8Array} bytes
     * @returns {Promise<Answer>}
     */
    convert(bytes: Uint8Array): Promise<Answer>;
    /** Starts workers early: until the first file is there, they are ready. */
    warm(): void;
    work(): Promise<void> | undefined;
    /** @param {Worker} worker */
    give(worker: Worker): void;
    add(): void;
    /**
     * A worker could not be started, or has died, perhaps because memory ran out.
     * @param {Worker} worker
     * @param {(this: Workers) => Worker} way
     */
    lose(worker: Worker, way: (this: Workers) => Worker): void;
    /** @param {(this: Workers) => Worker} way that does not work */
    nextWay(way: (this: Workers) => Worker): void;
    workInPage(): Promise<void>;
    fromModule(): Worker;
    /** For a script from another origin, such as a content delivery network: workers themselves must be of the page's. */
    fromBlob(): Worker;
    fromScript(): Worker;
    fromCopyOfScript(): Worker;
    stop(): void;
}
export type Answer = import("./convert.js").Answer;
export type Job = {
    bytes: Uint8Array;
    resolve: (answer: Answer) => void;
};
