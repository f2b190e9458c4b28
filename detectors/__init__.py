"""The detectors: one file each, and the catalogue of what runs."""
