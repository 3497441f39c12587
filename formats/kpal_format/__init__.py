"""The `.kpal` file format: bytes <-> indices, palette and metadata. KPAL.md is the specification.

The package does not open files, depend on Pillow, or choose palettes.
"""

from .animation import Animation
from .codec import Info, decode_indexed, encode_indexed, inspect, verify
from .coders import BY_NAME, compiled
from .coders import DEFAULT as DEFAULT_CODER
from .coders.mix import Wishes
from .container import EXTENSION, MAGIC, MAX_PIXELS, MIME, Region, read_head
from .errors import DamagedError, KpalError, KpalWarning, LimitError, TruncatedError, UnsupportedError, beyond_limit
from .forks import Lock, load_module
from .indexed import INCH, MAX_COLORS, U8, IndexedImage, Metadata, look_up, used_entries
from .palette import morton_keys
from .parallel import Progress, Told, part_of, pulse, staged, tell, watched
from .positioned import Readable, Writable
from .streams import OnError, Reader, Writer, head_of
from .tiles import choose_indices

CODERS = tuple(BY_NAME)

__all__ = [
    "CODERS",
    "DEFAULT_CODER",
    "EXTENSION",
    "INCH",
    "MAGIC",
    "MAX_COLORS",
    "MAX_PIXELS",
    "MIME",
    "U8",
    "Animation",
    "DamagedError",
    "IndexedImage",
    "Info",
    "KpalError",
    "KpalWarning",
    "LimitError",
    "Lock",
    "Metadata",
    "OnError",
    "Progress",
    "Readable",
    "Reader",
    "Region",
    "Told",
    "TruncatedError",
    "UnsupportedError",
    "Wishes",
    "Writable",
    "Writer",
    "beyond_limit",
    "choose_indices",
    "compiled",
    "decode_indexed",
    "encode_indexed",
    "head_of",
    "inspect",
    "load_module",
    "look_up",
    "morton_keys",
    "part_of",
    "pulse",
    "read_head",
    "staged",
    "tell",
    "used_entries",
    "verify",
    "watched",
]
