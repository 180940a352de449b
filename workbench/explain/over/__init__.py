"""Scores of explanations over a data set: case by case, summed up, and on a page."""
