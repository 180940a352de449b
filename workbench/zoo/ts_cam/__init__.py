"""Token semantic coupled attention map: where a class is, learnt from the class of the picture alone."""
