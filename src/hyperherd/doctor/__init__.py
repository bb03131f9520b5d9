"""Before a sweep is submitted: would its launch script find on a node what it finds here?"""
