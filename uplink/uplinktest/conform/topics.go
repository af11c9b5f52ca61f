package conform

import (
	"strings"
	"unicode/utf8"
)

// matches reports whether a filter takes a topic (MQTT 3.1.1, 4.7): + stands
// for one level, # at the end for all that follow.
func matches(filter, topic string) bool {
	want, got := strings.Split(filter, "/"), strings.Split(topic, "/")
	for i, level := range want {
		switch {
		case level == "#":
			return true
		case i >= len(got) || level != "+" && level != got[i]:
			return false
		}
	}
	return len(want) == len(got)
}

// isFilter reports whether one may subscribe to it.
func isFilter(s string) bool {
	levels := strings.Split(s, "/")
	for i, level := range levels {
		if strings.Contains(level, "#") && (level != "#" || i < len(levels)-1) || strings.Contains(level, "+") && level != "+" {
			return false
		}
	}
	return isText(s)
}

// isTopic reports whether one may publish on it: a broker ends the connection
// of who publishes on anything else.
func isTopic(s string) bool { return isText(s) && !strings.ContainsAny(s, "+#") }

func isText(s string) bool {
	return s != "" && len(s) <= 65535 && utf8.ValidString(s) && !strings.Contains(s, "\x00")
}
