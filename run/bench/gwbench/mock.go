package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// mockConf is the behaviour of the mock; it is replaced as a whole by POST /__mock/conf.
type mockConf struct {
	Chunks    int `json:"chunks"`     // content chunks per stream
	DelayMs   int `json:"delay_ms"`   // pause before each content chunk after the first
	LatencyMs int `json:"latency_ms"` // pause before the first byte of any answer
	BodyBytes int `json:"body_bytes"` // size of message.content of a non-stream answer
	PadBytes  int `json:"pad_bytes"`  // extra text in each streamed delta
	Batch     int `json:"batch"`      // events per write() when streaming
	Status    int `json:"status"`     // HTTP status to answer with (200 unless testing errors)
	full      []byte
}

type mockStats struct {
	Requests    int64 `json:"requests"`
	Conns       int64 `json:"conns_open"`
	ConnsTotal  int64 `json:"conns_total"`
	Active      int64 `json:"streams_active"`
	Done        int64 `json:"streams_done"`
	Aborted     int64 `json:"streams_aborted"`
	LastAbortNs int64 `json:"last_abort_ns"`
	ChunksSent  int64 `json:"chunks_sent"`
}

var (
	curConf atomic.Value
	st      mockStats
)

func prepareConf(c *mockConf) *mockConf {
	if c.Chunks < 1 {
		c.Chunks = 1
	}
	if c.Batch < 1 {
		c.Batch = 1
	}
	if c.Status == 0 {
		c.Status = 200
	}
	if c.BodyBytes < 1 {
		c.BodyBytes = 1
	}
	content := strings.Repeat("lorem ipsum dolor sit amet ", c.BodyBytes/27+1)[:c.BodyBytes]
	var b []byte
	if c.Status == 200 {
		b, _ = json.Marshal(map[string]interface{}{
			"id": "chatcmpl-mock0001", "object": "chat.completion", "created": 1700000000, "model": "mock-model",
			"choices": []interface{}{map[string]interface{}{"index": 0, "finish_reason": "stop",
				"message": map[string]interface{}{"role": "assistant", "content": content}}},
			"usage": map[string]int{"prompt_tokens": 250, "completion_tokens": 200, "total_tokens": 450},
		})
	} else {
		b = []byte(`{"error":{"message":"mock error","type":"server_error","code":"mock"}}`)
	}
	c.full = append([]byte(fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", c.Status, len(b))), b...)
	return c
}

func mockMain(args []string) {
	fs := flag.NewFlagSet("mock", flag.ExitOnError)
	addr := fs.String("addr", "127.0.0.1:9100", "listen address")
	c := &mockConf{}
	fs.IntVar(&c.Chunks, "chunks", 50, "content chunks per stream")
	fs.IntVar(&c.DelayMs, "delay", 0, "ms between chunks")
	fs.IntVar(&c.LatencyMs, "latency", 0, "ms before first byte")
	fs.IntVar(&c.BodyBytes, "body", 700, "bytes of non-stream content")
	fs.IntVar(&c.PadBytes, "pad", 0, "extra bytes per delta")
	fs.IntVar(&c.Batch, "batch", 1, "events per write")
	fs.Parse(args)
	curConf.Store(prepareConf(c))
	ln, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	for {
		conn, err := ln.Accept()
		if err != nil {
			log.Println("accept:", err)
			time.Sleep(10 * time.Millisecond)
			continue
		}
		go serveConn(conn)
	}
}

type reqHead struct {
	method, path string
	clen         int
	chunked      bool
	closeAfter   bool
	expect       bool
}

func readReqHead(br *bufio.Reader) (h reqHead, err error) {
	line, err := br.ReadSlice('\n')
	if err != nil {
		return h, err
	}
	sp := bytes.IndexByte(line, ' ')
	if sp < 0 {
		return h, io.ErrUnexpectedEOF
	}
	h.method = string(line[:sp])
	rest := line[sp+1:]
	if sp = bytes.IndexByte(rest, ' '); sp < 0 {
		return h, io.ErrUnexpectedEOF
	}
	h.path = string(rest[:sp])
	h.closeAfter = bytes.Contains(rest[sp:], []byte("HTTP/1.0"))
	for {
		line, err = br.ReadSlice('\n')
		if err != nil {
			return h, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return h, nil
		}
		c := bytes.IndexByte(line, ':')
		if c < 0 {
			continue
		}
		switch c {
		case 6:
			if bytes.EqualFold(line[:c], []byte("expect")) {
				h.expect = true
			}
		case 10:
			if bytes.EqualFold(line[:c], []byte("connection")) {
				v := bytes.TrimSpace(line[c+1:])
				if bytes.EqualFold(v, []byte("close")) {
					h.closeAfter = true
				} else if bytes.EqualFold(v, []byte("keep-alive")) {
					h.closeAfter = false
				}
			}
		case 14:
			if bytes.EqualFold(line[:c], []byte("content-length")) {
				h.clen, _ = strconv.Atoi(string(bytes.TrimSpace(line[c+1:])))
			}
		case 17:
			if bytes.EqualFold(line[:c], []byte("transfer-encoding")) {
				h.chunked = true
			}
		}
	}
}

func readBody(br *bufio.Reader, h reqHead, buf []byte) ([]byte, error) {
	if !h.chunked {
		if cap(buf) < h.clen {
			buf = make([]byte, h.clen)
		}
		buf = buf[:h.clen]
		_, err := io.ReadFull(br, buf)
		return buf, err
	}
	buf = buf[:0]
	for {
		n, err := readChunkSize(br)
		if err != nil {
			return buf, err
		}
		off := len(buf)
		buf = append(buf, make([]byte, n)...)
		if _, err = io.ReadFull(br, buf[off:]); err != nil {
			return buf, err
		}
		if _, err = br.ReadSlice('\n'); err != nil {
			return buf, err
		}
		if n == 0 {
			return buf, nil
		}
	}
}

func readChunkSize(br *bufio.Reader) (int, error) {
	line, err := br.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	line = bytes.TrimSpace(line)
	if i := bytes.IndexByte(line, ';'); i >= 0 {
		line = line[:i]
	}
	n, err := strconv.ParseInt(string(line), 16, 32)
	return int(n), err
}

func wantsStream(body []byte) bool {
	i := bytes.Index(body, []byte(`"stream":`))
	if i < 0 {
		return false
	}
	return bytes.HasPrefix(bytes.TrimLeft(body[i+9:], " "), []byte("true"))
}

func serveConn(c net.Conn) {
	atomic.AddInt64(&st.Conns, 1)
	atomic.AddInt64(&st.ConnsTotal, 1)
	defer func() { atomic.AddInt64(&st.Conns, -1); c.Close() }()
	br := bufio.NewReaderSize(c, 8<<10)
	var body []byte
	for {
		h, err := readReqHead(br)
		if err != nil {
			return
		}
		if h.expect {
			io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n")
		}
		if body, err = readBody(br, h, body); err != nil {
			return
		}
		conf := curConf.Load().(*mockConf)
		switch {
		case strings.HasPrefix(h.path, "/__mock/conf"):
			n := *conf
			if len(body) > 0 {
				json.Unmarshal(body, &n)
			}
			curConf.Store(prepareConf(&n))
			writeJSON(c, n)
		case strings.HasPrefix(h.path, "/__mock/stats"):
			s := mockStats{Requests: atomic.LoadInt64(&st.Requests), Conns: atomic.LoadInt64(&st.Conns),
				ConnsTotal: atomic.LoadInt64(&st.ConnsTotal), Active: atomic.LoadInt64(&st.Active),
				Done: atomic.LoadInt64(&st.Done), Aborted: atomic.LoadInt64(&st.Aborted),
				LastAbortNs: atomic.LoadInt64(&st.LastAbortNs), ChunksSent: atomic.LoadInt64(&st.ChunksSent)}
			writeJSON(c, s)
		case h.method == "GET":
			writeJSON(c, map[string]interface{}{"object": "list", "data": []interface{}{
				map[string]interface{}{"id": "mock-model", "object": "model", "created": 1700000000, "owned_by": "mock"}}})
		default:
			atomic.AddInt64(&st.Requests, 1)
			if conf.LatencyMs > 0 {
				time.Sleep(time.Duration(conf.LatencyMs) * time.Millisecond)
			}
			if conf.Status == 200 && wantsStream(body) {
				if !streamOut(c, br, conf) {
					return
				}
			} else if _, err = c.Write(conf.full); err != nil {
				return
			}
		}
		if h.closeAfter {
			return
		}
	}
}

func writeJSON(c net.Conn, v interface{}) {
	b, _ := json.Marshal(v)
	fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(b), b)
}
