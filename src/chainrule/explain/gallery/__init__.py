"""The gallery: worked examples that were published, number by number, with their errata."""
