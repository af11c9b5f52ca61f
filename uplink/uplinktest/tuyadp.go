package uplinktest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

func sum256(s string) [32]byte { return sha256.Sum256([]byte(s)) }

// The data points by type, from the document's table.
var (
	tuyaBool   = []int{1, 17, 57}
	tuyaString = []int{2, 21, 58, 59}
	tuyaRaw    = []int{8, 9, 30, 31, 32, 39}
	tuyaEnum   = map[int][]string{
		16: {"no_leak_pro_without_value", "no_leak_pro_with_value", "leak_pro_with_value"},
		20: {"general", "serious", "urgent"},
		54: {"square_area", "ignore", "consumption", "proportion", "lease", "power"},
		56: {"square_area", "ignore", "consumption", "proportion", "lease", "power"},
	}
	tuyaLow  = []int{10, 34}             // range from -100
	tuyaLess = []int{50, 51, 52, 53, 55} // range to 999999999
	tuyaNone = []int{4, 22, 23, 24, 25, 26, 27, 28, 29}
)

// The data points of a gateway's own product, by docs/platforms.md: texts, and
// whole numbers.
var (
	gatewayTexts   = []string{"101", "103", "104", "107", "110", "111", "113", "114"}
	gatewayNumbers = []string{"102", "105", "106", "108", "109", "112", "115", "116", "117", "118"}
)

// checkGatewayDP gives the code for a value of a gateway's own product.
func checkGatewayDP(id string, value json.RawMessage) int {
	var s string
	switch {
	case slices.Contains(gatewayTexts, id):
		if json.Unmarshal(value, &s) != nil || string(value) == "null" {
			return 1103
		}
		return 0
	case slices.Contains(gatewayNumbers, id):
		return checkNumber(0, string(value))
	}
	return 2002
}

// checkDP gives the code that the platform answers a value with: 0, or 1100
// to 1103 and 2002.
func checkDP(id string, value json.RawMessage) int {
	n, err := strconv.Atoi(id)
	if err != nil || n < 1 || n > 59 || slices.Contains(tuyaNone, n) {
		return 2002
	}
	if len(value) == 0 {
		return 1100
	}
	if string(value) == "null" {
		return 1102
	}
	var s string
	isString := json.Unmarshal(value, &s) == nil
	switch {
	case slices.Contains(tuyaBool, n):
		if string(value) != "true" && string(value) != "false" {
			return 1103
		}
	case slices.Contains(tuyaString, n):
		if !isString {
			return 1103
		}
		if t, err := strconv.ParseInt(s, 10, 64); n >= 58 && (err != nil || t < 1e9 || t > 1e10) {
			return 1101 // Unix seconds, as the document on water meters has it
		}
	case tuyaEnum[n] != nil:
		if !isString {
			return 1103
		}
		if !slices.Contains(tuyaEnum[n], s) {
			return 1101
		}
	case n == 19:
		if bits, err := strconv.Atoi(string(value)); !isString && (err != nil || bits < 0 || bits >= 1<<14) {
			return 1101
		}
	case n >= 30 && n <= 32:
		return checkPhase(value, s, isString)
	case slices.Contains(tuyaRaw, n):
	default:
		return checkNumber(n, string(value))
	}
	return 0
}

func checkNumber(n int, value string) int {
	i, ok := new(big.Int).SetString(value, 10)
	if !ok {
		return 1103 // a fraction, an exponent or a string
	}
	low, high := int64(0), int64(1000000000)
	if slices.Contains(tuyaLow, n) {
		low = -100
	}
	if slices.Contains(tuyaLess, n) {
		high = 999999999
	}
	if i.Cmp(big.NewInt(low)) < 0 || i.Cmp(big.NewInt(high)) > 0 {
		return 1101
	}
	return 0
}

// checkPhase takes the three forms that a phase may have: JSON as text, an
// object, Base64 of the text. Members are strings.
func checkPhase(value json.RawMessage, s string, isString bool) int {
	object := []byte(value)
	if isString {
		object = []byte(s)
		if b, err := base64.StdEncoding.DecodeString(s); err == nil {
			object = b
		}
	}
	var members map[string]string
	if strict(object, &members) != nil {
		return 1103
	}
	for k, v := range members {
		if !slices.Contains([]string{"voltage", "current", "power", "electricity"}, k) {
			return 1103
		}
		if _, ok := new(big.Rat).SetString(v); !ok || strings.ContainsAny(v, "/eE_xX") {
			return 1103 // no decimal number
		}
	}
	return 0
}
