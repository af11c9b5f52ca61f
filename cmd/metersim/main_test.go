package main

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets the end-to-end runs go side by side: they wait most of their
// time.
func TestMain(m *testing.M) {
	flag.Parse()
	flag.Set("test.parallel", "8")
	os.Exit(m.Run())
}
