package update

import (
	"cmp"
	"strconv"
	"strings"
)

// mostVersion bounds the text of a version. A platform takes 20 bytes of it;
// see uplink/onenet.
const mostVersion = 64

// number is a version as far as two of them can be compared: "v1.4.0" and
// "1.4" are one, "v1.4.0-12-gabcdef0" is later by 12 commits. Anything else, such as
// "dev", is earlier than each number.
type number struct {
	parts [4]int
	known bool
}

func parseVersion(s string) (n number) {
	s = strings.TrimPrefix(s, "v")
	release, rest, _ := strings.Cut(s, "-")
	fields := strings.Split(release, ".")
	if len(fields) > 3 || release == "" {
		return number{}
	}
	for i, f := range fields {
		v, err := strconv.ParseUint(f, 10, 31)
		if err != nil {
			return number{}
		}
		n.parts[i] = int(v)
	}
	if rest != "" { // as git describe writes it
		commits, _, _ := strings.Cut(rest, "-")
		v, err := strconv.ParseUint(commits, 10, 31)
		if err != nil {
			return number{}
		}
		n.parts[3] = int(v)
	}
	n.known = true
	return n
}

// compareVersions is negative where a is earlier than b, and 0 where it cannot
// be told.
func compareVersions(a, b string) int {
	x, y := parseVersion(a), parseVersion(b)
	switch {
	case !x.known && !y.known:
		return 0
	case !x.known:
		return -1
	case !y.known:
		return 1
	}
	for i := range x.parts {
		if c := cmp.Compare(x.parts[i], y.parts[i]); c != 0 {
			return c
		}
	}
	return 0
}

// plainWord reports whether s may stand in the signed comment and in the name
// of a file.
func plainWord(s string, most int) bool {
	return s != "" && len(s) <= most && s[0] != '.' && s[0] != '-' && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune(".-_+~", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// Later reports whether the version a is later than b.
func Later(a, b string) bool { return compareVersions(a, b) > 0 }
