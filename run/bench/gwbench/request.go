package main

import (
	"bytes"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strings"
)

type multi []string

func (m *multi) String() string     { return strings.Join(*m, ",") }
func (m *multi) Set(v string) error { *m = append(*m, v); return nil }

// target is one prepared request against a gateway.
type target struct {
	addr string
	req  []byte
}

type clientFlags struct {
	url, model string
	bodyBytes  int
	stream     bool
	headers    multi
	each       string
	pid, all   int
}

func (f *clientFlags) register(fs *flag.FlagSet) {
	fs.StringVar(&f.url, "url", "http://127.0.0.1:9100/v1/chat/completions", "full endpoint URL")
	fs.StringVar(&f.model, "model", "mock-model", "model name in the request")
	fs.IntVar(&f.bodyBytes, "body", 1024, "approximate request body size")
	fs.BoolVar(&f.stream, "stream", false, "ask for a stream")
	fs.Var(&f.headers, "H", "extra header 'Name: value' (repeatable)")
	fs.StringVar(&f.each, "each", "", "file of calls to make in turn: path, model, headers, separated by tabs")
	fs.IntVar(&f.pid, "pid", 0, "root pid of the gateway, for CPU and memory accounting")
	fs.IntVar(&f.all, "all", 0, "root pid of everything that was started with the gateway, for CPU accounting")
}

// targets are the calls to make in turn: those of the file, or the one that the flags describe.
func (f *clientFlags) targets() []target {
	if f.each == "" {
		return []target{f.target()}
	}
	text, err := os.ReadFile(f.each)
	u, _ := url.Parse(f.url)
	if err != nil || u == nil {
		fmt.Fprintln(os.Stderr, "cannot read", f.each, err)
		os.Exit(2)
	}
	var out []target
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		parts := strings.Split(line, "\t")
		one := *f
		one.url, one.model, one.headers = u.Scheme+"://"+u.Host+parts[0], parts[1], parts[2:]
		out = append(out, one.target())
	}
	return out
}

func (f *clientFlags) target() target {
	u, err := url.Parse(f.url)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	extra := ""
	if f.stream {
		extra = `"stream":true,"stream_options":{"include_usage":true},`
	}
	fixed := len(f.model) + len(extra) + 130
	n := f.bodyBytes - fixed
	if n < 8 {
		n = 8
	}
	text := strings.Repeat("The quick brown fox jumps over the lazy dog. ", n/45+1)[:n]
	body := fmt.Sprintf(`{"model":%q,%s"temperature":0.7,"messages":[{"role":"system","content":"You are helpful."},{"role":"user","content":%q}]}`,
		f.model, extra, text)
	var b bytes.Buffer
	path := u.RequestURI()
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: gwbench\r\nAccept: */*\r\nContent-Type: application/json\r\n", path, u.Host)
	auth := false
	for _, h := range f.headers {
		b.WriteString(h + "\r\n")
		if strings.HasPrefix(strings.ToLower(h), "authorization:") {
			auth = true
		}
	}
	if !auth {
		b.WriteString("Authorization: Bearer sk-test\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return target{addr: u.Host, req: b.Bytes()}
}
