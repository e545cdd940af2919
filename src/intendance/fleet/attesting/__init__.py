"""The manager looks into the stores of its nodes itself: what it sees is another party's word on them."""
