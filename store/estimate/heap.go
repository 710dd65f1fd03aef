package estimate

// push and pop keep a binary heap whose least value is the first. container/heap
// would allocate for each value.
func push[T any](heap *[]T, v T, less func(a, b T) bool) {
	h := append(*heap, v)
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !less(h[i], h[parent]) {
			break
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
	*heap = h
}

func pop[T any](heap *[]T, less func(a, b T) bool) T {
	h := *heap
	least, end := h[0], len(h)-1
	h[0] = h[end]
	h = h[:end]
	for i := 0; ; {
		child := 2*i + 1
		if child >= end {
			break
		}
		if child+1 < end && less(h[child+1], h[child]) {
			child++
		}
		if !less(h[child], h[i]) {
			break
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
	*heap = h
	return least
}
