package uplink

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestPayloadsThatOneMayRelyOn(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		name, payload string
		want          bool
	}{
		{"an object", `{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]}`, true},
		{"a value that is a name elsewhere", `{"a":"b","b":"a"}`, true},
		{"a list of the same", `["a","a"]`, true},
		{"a number", `5`, true},
		{"blanks around it", " \n{} ", true},
		{"nothing", ``, false},
		{"half of it", `{"a":`, false},
		{"an end too many", `{}}`, false},
		{"two of it", `{} {}`, false},
		{"a name twice", `{"a":1,"a":1}`, false},
		{"a name twice, further in", `{"x":[{"a":1,"b":{},"a":2}]}`, false},
		{"a name twice, an object between", `{"a":{"b":1},"c":[],"a":2}`, false},
		{"a name in another case", `{"meter":1,"Meter":2}`, false},
		{"a name with an escape", `{"meter":1,"\u006deter":2}`, false},
		{"a name with the sign for Kelvin", `{"k":1,"` + "\u212a" + `":2}`, false},
		{"a name with the long s", `{"s":1,"` + "\u017f" + `":2}`, false},
		{"not UTF-8", "{\"a\":\"\xff\"}", false},
		{"as deep as may be", nested(32), true},
		{"deeper", nested(33), false},
		{"very deep", nested(30000), false},
		{"a number of 64 digits", strings.Repeat("9", 64), true},
		{"a number of 65 digits", `{"a":` + strings.Repeat("9", 65) + `}`, false},
		{"64 KiB", `"` + strings.Repeat("x", 64<<10-2) + `"`, true},
		{"a byte more", `"` + strings.Repeat("x", 64<<10-1) + `"`, false},
	} {
		var v any
		if got := (Inbound{Payload: []byte(c.payload)}).Decode(&v); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
	var n struct{ A int }
	if (Inbound{Payload: []byte(`{"a":"x"}`)}).Decode(&n) {
		t.Error("a text is taken for a number")
	}
}

func TestTopicsThatOneMayAnswerTo(t *testing.T) {
	for topic, want := range map[string]bool{"a/b": true, "$sys/号": true, "a/+": false, "a/#": false, "a/b+": false, "a/\x00": false, "a/\xff": false} {
		if got := (Inbound{Topic: topic}).Sound(); got != want {
			t.Errorf("%q: got %v, want %v", topic, got, want)
		}
	}
}

// FuzzDecode: what Decode takes the standard library takes, and means the same
// when it is written again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":null}],"c":"d"}`))
	f.Add([]byte(`{"a":1,"A":2}`))
	f.Add([]byte(`[[[`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		var v any
		if !(Inbound{Payload: payload}).Decode(&v) {
			return
		}
		if !json.Valid(payload) {
			t.Fatalf("%q is no JSON", payload)
		}
		again, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var w any
		if len(again) <= mostInbound && !(Inbound{Payload: again}).Decode(&w) {
			t.Errorf("%q is taken, but not as %q", payload, again)
		}
	})
}

func TestWordIsATextANumberOrATruthValue(t *testing.T) {
	for in, want := range map[string]string{
		`"open"`: "open", `" open\n"`: "open", `""`: "", `220.1`: "220.1", `true`: "true", `-1`: "-1", `"a\"b"`: `a"b`,
		`null`: "", `{}`: "", `[1]`: "", ``: "",
	} {
		if got := Word([]byte(in)); got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]bool{`""`: true, `0`: true, `false`: true, `null`: false, `{}`: false, `[]`: false, ``: false} {
		if IsWord([]byte(in)) != want {
			t.Errorf("%s: is a word %v", in, !want)
		}
	}
}
