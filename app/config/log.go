package config

import (
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"strings"
)

// LogValue gives the effective settings, secrets hidden, keyed by the names of their variables.
func (c Config) LogValue() slog.Value {
	v := reflect.ValueOf(c)
	var attrs []slog.Attr
	for _, field := range reflect.VisibleFields(v.Type()) {
		if field.Anonymous {
			continue // its own fields are visible
		}
		key, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		text := fmt.Sprint(v.FieldByIndex(field.Index).Interface())
		if kind, ok := field.Tag.Lookup("secret"); ok {
			text = hide(kind, text)
		}
		attrs = append(attrs, slog.String(key, text))
	}
	return slog.GroupValue(attrs...)
}

// hide blanks a secret: all of it, or the passwords of a URL, of which a Sentinel's are in its query.
func hide(kind, text string) string {
	if text == "" {
		return ""
	}
	if kind == "url" {
		u, err := url.Parse(text)
		if err == nil {
			query := u.Query()
			for name := range query {
				if strings.Contains(name, "password") {
					query.Set(name, "xxxxx") // as Redacted does
				}
			}
			u.RawQuery = query.Encode()
			return u.Redacted()
		}
	}
	return "(set)"
}
