package strictjson

import (
	"slices"
	"strings"
	"testing"
)

func valueOf(t *testing.T, literal string) Value {
	t.Helper()
	return mustGet(t, mustParse(t, `{"v":`+literal+`}`), "v")
}

func TestInt(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		literal string
		want    int64
		ok      bool
	}{
		{"0", 0, true},
		{"-0", 0, true},
		{"0.0", 0, true},
		{"-0.000e5", 0, true},
		{"0e999999999999999999999999", 0, true},
		{"0e-999999999999999999999999", 0, true},
		{"5", 5, true},
		{"-5", -5, true},
		{"5.0", 5, true},
		{"5e0", 5, true},
		{"5E+0", 5, true},
		{"50e-1", 5, true},
		{"0.5e1", 5, true},
		{"0.05e2", 5, true},
		{"500.00e-2", 5, true},
		{"1e3", 1000, true},
		{"10", 10, true},
		{"100.50e1", 1005, true},
		{"3600.0", 3600, true},
		{"1e18", 1000000000000000000, true},
		{"9007199254740993", 9007199254740993, true}, // 2^53+1: a float64 would round it
		{"9007199254740993.0", 9007199254740993, true},
		{"9223372036854775807", 9223372036854775807, true},
		{"-9223372036854775808", -9223372036854775808, true},
		{"9.223372036854775807e18", 9223372036854775807, true},
		{"92233720368547758070e-1", 9223372036854775807, true},
		{"-9223372036854775808.000", -9223372036854775808, true},
		{"1" + strings.Repeat("0", 50) + "e-50", 1, true},
		{"0." + strings.Repeat("0", 50) + "1e51", 1, true},

		{"0.5", 0, false},
		{"5.5", 0, false},
		{"5e-1", 0, false},
		{"-1e-1", 0, false},
		{"9007199254740993.5", 0, false},
		{"1.0000000000000000000000000001", 0, false},
		{"9223372036854775808", 0, false},
		{"-9223372036854775809", 0, false},
		{"9.223372036854775808e18", 0, false},
		{"18446744073709551616", 0, false},
		{"1e19", 0, false},
		{"1e400", 0, false},
		{"1e-400", 0, false},
		{"1e999999999999999999999999", 0, false},
		{"1e-999999999999999999999999", 0, false},
		{"-1e18446744073709551616", 0, false},
		{strings.Repeat("9", MaxNumberLength), 0, false},

		{`"5"`, 0, false},
		{`true`, 0, false},
		{`null`, 0, false},
		{`[5]`, 0, false},
	} {
		if got, ok := valueOf(t, row.literal).Int(); got != row.want || ok != row.ok {
			t.Errorf("%s: %d, %v; want %d, %v", row.literal, got, ok, row.want, row.ok)
		}
	}
}

func TestFloat(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		literal string
		want    float64
		ok      bool
	}{
		{"0", 0, true},
		{"5", 5, true},
		{"-0.5", -0.5, true},
		{"1e308", 1e308, true},
		{"1e-400", 0, true},
		{"3600.25", 3600.25, true},
		{"1e309", 0, false},
		{"-1e309", 0, false},
		{`"1.5"`, 0, false},
		{`null`, 0, false},
	} {
		if got, ok := valueOf(t, row.literal).Float(); got != row.want || ok != row.ok {
			t.Errorf("%s: %v, %v; want %v, %v", row.literal, got, ok, row.want, row.ok)
		}
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		literal string
		want    []string
		ok      bool
	}{
		{`[]`, []string{}, true},
		{`["a"]`, []string{"a"}, true},
		{`["a","A","a"]`, []string{"a", "A", "a"}, true},
		{`["a",1]`, nil, false},
		{`[null]`, nil, false},
		{`[["a"]]`, nil, false},
		{`"a"`, nil, false},
		{`{"0":"a"}`, nil, false},
		{`null`, nil, false},
	} {
		if got, ok := valueOf(t, row.literal).Texts(); !slices.Equal(got, row.want) || ok != row.ok {
			t.Errorf("%s: %q, %v; want %q, %v", row.literal, got, ok, row.want, row.ok)
		}
	}
}

// Every method answers for its own kind only, whatever the text looks like.
func TestMethodsConvertNothing(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		literal string
		kind    Kind
		name    string
	}{
		{`null`, Null, "null"},
		{`true`, Bool, "boolean"},
		{`1`, Number, "number"},
		{`"true"`, String, "string"},
		{`"1"`, String, "string"},
		{`"null"`, String, "string"},
		{`"{}"`, String, "string"},
		{`["true"]`, Array, "array"},
		{`{"true":true}`, ObjectKind, "object"},
	} {
		v := valueOf(t, row.literal)
		if v.Kind() != row.kind || v.Kind().String() != row.name {
			t.Errorf("%s: kind %v, want %v (%s)", row.literal, v.Kind(), row.kind, row.name)
		}
		wantOnly(t, row.literal, v, row.kind)
	}
	if got := Kind(77).String(); got != "kind 77" {
		t.Errorf("an unknown kind is called %q", got)
	}
}

func TestZeroValue(t *testing.T) {
	t.Parallel()
	var v Value
	if v.Exists() || v.Kind() != Null || v.Raw() != nil {
		t.Errorf("exists %v, kind %v, raw %q", v.Exists(), v.Kind(), v.Raw())
	}
	wantOnly(t, "zero value", v, Null)
	if null := valueOf(t, `null`); !null.Exists() {
		t.Error("null is called absent")
	}
}

// wantOnly checks that only the methods for one kind answer.
func wantOnly(t *testing.T, name string, v Value, kind Kind) {
	t.Helper()
	_, isText := v.Text()
	_, isBool := v.Bool()
	_, isInt := v.Int()
	_, isFloat := v.Float()
	_, isObject := v.Object()
	_, isArray := v.Array()
	_, isTexts := v.Texts()
	for _, row := range []struct {
		method string
		kind   Kind
		ok     bool
	}{
		{"Text", String, isText},
		{"Bool", Bool, isBool},
		{"Int", Number, isInt},
		{"Float", Number, isFloat},
		{"Object", ObjectKind, isObject},
		{"Array", Array, isArray},
		{"Texts", Array, isTexts},
	} {
		if row.ok != (row.kind == kind) {
			t.Errorf("%s: %s answers %v", name, row.method, row.ok)
		}
	}
}
