"""For Sphinx: tools/docs/site.py puts it beside the pages that it makes, and runs `make docs`."""

project = "csock"
author = "The csock authors"
copyright = "the csock authors"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "csock @version@"
html_show_sphinx = False
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"
pygments_dark_style = "monokai"
myst_heading_anchors = 3
manpages_url = "https://man7.org/linux/man-pages/man{section}/{page}.{section}.html"
highlight_language = "text"
smartquotes = False  # -- begins an option
nitpicky = True
# What is not csock's own: types of C's and of Python's.
nitpick_ignore_regex = [
    (r"c:identifier", r"(?!csock)\w+"),
    (r"c:identifier", r"csock_dial_answer"),  # nobody sees what is in it
    (r"py:.*", r"(?!csock\b).*"),
]
python_use_unqualified_type_names = True
