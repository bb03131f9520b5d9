"""Before a sweep is needed: does a trial that is cut short end on the same numbers?"""
