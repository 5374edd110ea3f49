"""What the chapters draw, and what they compute that is neither the library's nor the physics: a module a chapter."""
