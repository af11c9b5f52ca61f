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

// shortestSecret is the length from which a secret is looked for in other
// texts: what is shorter stands in any by chance.
const shortestSecret = 6

// Secrets gives the secrets of a configuration that are to be hidden in what is
// told of it, the longest first. What is no secret elsewhere in it, or only one
// character over and over, is none. Of a text that is not TOML all is given
// that may be one.
func Secrets(text string) []string {
	var values map[string]any
	if _, err := toml.Decode(text, &values); err != nil {
		return longestFirst(roughSecrets(text))
	}
	var all []string
	walkSecrets(values, func(s string) string { all = append(all, s); return "" })
	var told []string
	walkTexts(values, func(s string) { told = append(told, s) }) // the secrets are empty by now
	return longestFirst(slices.DeleteFunc(all, func(s string) bool {
		return len(s) < shortestSecret || strings.Trim(s, s[:1]) == "" || slices.ContainsFunc(told, func(o string) bool { return strings.Contains(o, s) })
	}))
}

func longestFirst(all []string) []string {
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(all)
}

// walkTexts hands each text to take.
func walkTexts(v any, take func(string)) {
	switch v := v.(type) {
	case string:
		take(v)
	case map[string]any:
		for _, inner := range v {
			walkTexts(inner, take)
		}
	case []map[string]any:
		for _, inner := range v {
			walkTexts(inner, take)
		}
	case []any:
		for _, inner := range v {
			walkTexts(inner, take)
		}
	}
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

// shortestRough is the length from which a word is hidden that may be a
// secret: the message of a mistake in its line may quote it.
const shortestRough = 3

// roughSecrets reads a text that is not TOML: all that stands after the equals
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
			words := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune("\"' \t#,{}[]", r) })
			for _, word := range append(words, value, strings.Trim(value, `"'`)) {
				if len(word) >= shortestRough {
					all = append(all, word)
				}
			}
		}
	}
	return all
}

// Redact hides the secrets of a configuration in what is told of it.
func Redact(told, text string) string {
	for _, s := range Secrets(text) {
		told = strings.ReplaceAll(told, s, Hidden)
	}
	return told
}
