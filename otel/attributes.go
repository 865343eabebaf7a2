package otel

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// stages are the events that end an operation, and which. That of a refusal is an attribute.
var stages = map[string]string{"sign_in_started": "begin", "sign_in_succeeded": "finish"}

// description is what an event says, sorted by where it goes.
type description struct {
	stage        string // "begin" or "finish"; empty: the event ends no operation
	duration     time.Duration
	unavailable  bool
	metric, span []attribute.KeyValue
}

// read sorts the attributes of an event. Only those whose values are few get into a metric.
func (e *Events) read(name string, attrs []slog.Attr) description {
	d := description{stage: stages[name]}
	for _, a := range attrs {
		value := a.Value.Resolve()
		text := ""
		if value.Kind() == slog.KindString {
			text = value.String()
		}
		switch a.Key {
		case "key": // stands for a person
			continue
		case "duration":
			if value.Kind() == slog.KindDuration {
				d.duration = value.Duration()
				continue
			}
		case "stage":
			if name == "sign_in_refused" && (text == "begin" || text == "finish") {
				d.stage = text
				continue
			}
		case "code":
			both := attribute.String("error.type", text)
			d.metric, d.span = append(d.metric, both), append(d.span, both)
			continue
		case "kind":
			d.unavailable = text == "unavailable"
			d.metric = append(d.metric, attribute.String("oidcsso.kind", text))
		case "what":
			if strings.HasPrefix(name, "discovery_") { // others may say more than two words
				d.metric = append(d.metric, attribute.String("oidcsso.what", text))
			}
		case "connector":
			if e.byConnector {
				d.metric = append(d.metric, attribute.String("oidcsso.connector", text))
			}
		}
		d.span = appendValue(d.span, "oidcsso."+a.Key, value)
	}
	d.metric = slices.Clip(d.metric) // two metrics append to it
	return d
}

// appendValue keeps the types that both sides have. A duration becomes seconds, a group one attribute for each of its own,
// and anything else a text.
func appendValue(to []attribute.KeyValue, key string, value slog.Value) []attribute.KeyValue {
	switch value.Kind() {
	case slog.KindBool:
		return append(to, attribute.Bool(key, value.Bool()))
	case slog.KindInt64:
		return append(to, attribute.Int64(key, value.Int64()))
	case slog.KindFloat64:
		return append(to, attribute.Float64(key, value.Float64()))
	case slog.KindDuration:
		return append(to, attribute.Float64(key, value.Duration().Seconds()))
	case slog.KindTime:
		return append(to, attribute.String(key, value.Time().UTC().Format(time.RFC3339Nano)))
	case slog.KindGroup:
		for _, a := range value.Group() {
			to = appendValue(to, key+"."+a.Key, a.Value.Resolve())
		}
		return to
	case slog.KindAny:
		return append(to, attribute.String(key, fmt.Sprint(value.Any()))) // an error's text; also of a nil one
	}
	return append(to, attribute.String(key, value.String()))
}
