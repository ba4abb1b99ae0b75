"""Picture of a measurement: what is drawn (free of Qt), and the widget that paints it."""
