"""Reading digits on paper: an add-on with a network of its own, which the pipeline does not need."""
