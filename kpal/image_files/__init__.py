"""What image files of other formats hold beside 8-bit sRGB: deeper samples, other colours, orientation, metadata, pages."""
