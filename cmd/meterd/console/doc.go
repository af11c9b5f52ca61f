// Package console is how people and scripts ask the running daemon: a table
// of commands behind a unix socket, the texts of their answers in English and
// Chinese, and the session of a person at a terminal who uses them.
//
// The protocol is a JSON object a line. The client sends one Request; the
// server answers with any number of Replies, the last of which has Done. The
// first comes at once and may be empty, and while a command is at work one
// comes every 5 s: a daemon that is silent for longer hangs.
//
//	terminal ─► Session ─► Request ─► unix socket ─► Commands ─► Answer
//	                lineedit
//
// A Session starts no program and opens no file but captures that are new.
package console
