// Package console is how people and scripts ask the running daemon: a table
// of commands behind a unix socket, and the texts of their answers in
// English and Chinese.
//
// The protocol is a JSON object a line. The client sends one Request; the
// server answers with any number of Replies, the last of which has Done.
package console
