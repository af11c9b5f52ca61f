package config

import (
	"bytes"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// secretKeys hold what nobody is to see: not on a screen, not on a stick.
var secretKeys = []string{"pin", "password", "operator", "access_key", "device_secret", "product_secret", "product_key", "sub_product_key", "key", "username"}

// Hidden stands where a secret was.
const Hidden = "***"

// Hide gives a configuration with its secrets hidden, written anew: comments
// may hold secrets too.
func Hide(text string) (string, error) {
	var values map[string]any
	if _, err := toml.Decode(text, &values); err != nil {
		return "", err
	}
	walkSecrets(values, func(string) string { return Hidden })
	var b bytes.Buffer
	e := toml.NewEncoder(&b)
	e.Indent = ""
	err := e.Encode(values)
	return b.String(), err
}

// Secrets gives the secrets that a configuration holds, the longest first; as
// far as it can be read.
func Secrets(text string) []string {
	var values map[string]any
	var all []string
	if _, err := toml.Decode(text, &values); err == nil {
		walkSecrets(values, func(s string) string { all = append(all, s); return s })
	} else {
		all = roughSecrets(text)
	}
	all = slices.DeleteFunc(all, func(s string) bool { return s == "" })
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return all
}

// walkSecrets puts what change gives in the place of each secret. A path to a
// key file is none.
func walkSecrets(v any, change func(string) string) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			s, ok := inner.(string)
			if ok && slices.Contains(secretKeys, key) && !(key == "key" && strings.HasPrefix(s, "/")) {
				if s != "" {
					v[key] = change(s)
				}
				continue
			}
			walkSecrets(inner, change)
		}
	case []map[string]any:
		for _, inner := range v {
			walkSecrets(inner, change)
		}
	case []any:
		for _, inner := range v {
			walkSecrets(inner, change)
		}
	}
}

// roughSecrets reads a text that is not TOML: all that stands behind the equals
// sign of a key of a secret, whole and in words.
func roughSecrets(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		for _, key := range secretKeys {
			_, rest, ok := strings.Cut(line, key)
			_, value, is := strings.Cut(rest, "=")
			if !ok || !is {
				continue
			}
			value = strings.TrimSpace(value)
			all = append(all, value, strings.Trim(value, `"'`))
			all = append(all, strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune("\"' \t#,{}[]", r) })...)
		}
	}
	return all
}
