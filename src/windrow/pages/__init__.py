"""Pages that people look at: charts as inline SVG, and one HTML document that loads nothing from anywhere."""
