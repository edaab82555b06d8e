"""Is the corrected SQL right? The official figures and the honest ones."""
