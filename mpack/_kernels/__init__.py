"""The private wing: numba kernels, arrays in and arrays out. No other module loops over particles."""
