// Package config reads meterd's configuration: a TOML file that is checked
// strictly and as a whole. Every mistake is told with its line, in one run.
//
// The text goes through three hands: the TOML library, which accepts or
// refuses the syntax; lines.go, which finds where each key stands; and
// table.go, whose typed look-ups collect what is wrong.
package config
