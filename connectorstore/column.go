package connectorstore

// column reads one column of a signed row. NULL, or what is not of the column's type, which SQLite keeps all the same, can only
// have been written behind the store's back: it makes the row one that can't be trusted, and keeps nobody from reading the others.
type column struct {
	into any // *string, *int64 or *bool
	odd  *bool
}

// columns are the targets of a Scan.
func columns(odd *bool, into ...any) []any {
	all := make([]column, len(into))
	targets := make([]any, len(into))
	for i := range into {
		all[i] = column{into[i], odd}
		targets[i] = &all[i]
	}
	return targets
}

// Scan reads what drivers give: text as string or []byte, numbers as int64, of which a boolean is 0 or 1.
func (c *column) Scan(value any) error {
	var ok bool
	switch into := c.into.(type) {
	case *string:
		var bytes []byte
		if *into, ok = value.(string); !ok {
			bytes, ok = value.([]byte)
			*into = string(bytes)
		}
	case *int64:
		*into, ok = value.(int64)
	case *bool:
		var n int64
		n, ok = value.(int64)
		*into, ok = n == 1, ok && (n == 0 || n == 1)
	}
	*c.odd = *c.odd || !ok
	return nil
}
