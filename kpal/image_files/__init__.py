"""What files of other formats hold beside 8-bit sRGB: deeper samples, colour profiles, orientation, metadata, pages."""
