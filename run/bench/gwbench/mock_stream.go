package main

import (
	"bufio"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const evHead = `data: {"id":"chatcmpl-mock0001","object":"chat.completion.chunk","created":1700000000,"model":"mock-model","choices":[{"index":0,"delta":`

// streamOut sends role chunk, content chunks ("tok @<unix ns>@ "), finish, usage and [DONE].
// Each content chunk carries the time at which it was written, so that the reader can tell the
// time spent in between. A side goroutine notices at once when the peer closes its connection.
func streamOut(c net.Conn, br *bufio.Reader, conf *mockConf) bool {
	atomic.AddInt64(&st.Active, 1)
	defer atomic.AddInt64(&st.Active, -1)
	var gone, watchDone chan struct{}
	if conf.DelayMs > 0 { // watch for the peer hanging up between the chunks of a paced stream
		gone, watchDone = make(chan struct{}), make(chan struct{})
		go func() {
			defer close(watchDone)
			if _, err := br.Peek(1); err != nil {
				if ne, ok := err.(net.Error); !(ok && ne.Timeout()) {
					close(gone)
				}
			}
		}()
	}
	pad := ""
	if conf.PadBytes > 0 {
		pad = strings.Repeat("x", conf.PadBytes)
	}
	out := make([]byte, 0, 1024*conf.Batch)
	ev := make([]byte, 0, 1024+conf.PadBytes)
	emit := func(parts ...string) {
		ev = ev[:0]
		for _, p := range parts {
			ev = append(ev, p...)
		}
		out = strconv.AppendInt(out, int64(len(ev)), 16)
		out = append(out, "\r\n"...)
		out = append(out, ev...)
		out = append(out, "\r\n"...)
	}
	out = append(out, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"...)
	emit(evHead, `{"role":"assistant","content":""},"finish_reason":null}]}`, "\n\n")
	abort := func() bool {
		atomic.AddInt64(&st.Aborted, 1)
		atomic.StoreInt64(&st.LastAbortNs, time.Now().UnixNano())
		return false
	}
	var timer *time.Timer
	inBatch := 0
	for i := 0; i < conf.Chunks; i++ {
		if i > 0 && conf.DelayMs > 0 {
			d := time.Duration(conf.DelayMs) * time.Millisecond
			if timer == nil {
				timer = time.NewTimer(d)
			} else {
				timer.Reset(d)
			}
			select {
			case <-timer.C:
			case <-gone:
				return abort()
			}
		}
		emit(evHead, `{"content":"tok @`, strconv.FormatInt(time.Now().UnixNano(), 10), `@ `, pad, `"},"finish_reason":null}]}`, "\n\n")
		inBatch++
		if inBatch >= conf.Batch {
			if _, err := c.Write(out); err != nil {
				return abort()
			}
			out = out[:0]
			inBatch = 0
		}
		atomic.AddInt64(&st.ChunksSent, 1)
	}
	emit(evHead, `{},"finish_reason":"stop"}]}`, "\n\n")
	emit(`data: {"id":"chatcmpl-mock0001","object":"chat.completion.chunk","created":1700000000,"model":"mock-model","choices":[],"usage":{"prompt_tokens":250,"completion_tokens":`,
		strconv.Itoa(conf.Chunks), `,"total_tokens":`, strconv.Itoa(250+conf.Chunks), `}}`, "\n\n")
	emit("data: [DONE]\n\n")
	out = append(out, "0\r\n\r\n"...)
	if _, err := c.Write(out); err != nil {
		return abort()
	}
	atomic.AddInt64(&st.Done, 1)
	if watchDone != nil { // a past deadline makes the watcher's Peek return without losing bytes
		c.SetReadDeadline(time.Unix(1, 0))
		<-watchDone
		c.SetReadDeadline(time.Time{})
	}
	return true
}
