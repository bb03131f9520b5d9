"""Names that training frameworks know: each module here needs its framework, and hyperherd needs none of them."""
