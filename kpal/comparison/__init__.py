"""kpal beside its peers: the same pixels in every format, and a sample picture for demonstrations."""
