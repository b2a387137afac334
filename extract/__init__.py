"""Raw micro-videos to features: catalogue, media, encoders, store and the pipeline between them."""
