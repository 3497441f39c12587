"""Features of image files beyond 8-bit sRGB pixels: deep samples, colour profiles, orientation, metadata, pages."""
