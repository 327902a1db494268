package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strconv"
	"time"
)

// cli is one keep-alive connection.
type cli struct {
	t    target
	c    net.Conn
	br   *bufio.Reader
	line *bufio.Reader // reused over the body reader
	buf  []byte
}

type result struct {
	start, first, end time.Time
	status            int
	chunks            int
	bytes             int
	done              bool
	transit           []int64 // ns between the mock writing a content chunk and us reading it
	firstMark         int64
}

func (k *cli) dial() error {
	c, err := net.DialTimeout("tcp", k.t.addr, 10*time.Second)
	if err != nil {
		return err
	}
	k.c = c
	if k.br == nil {
		k.br = bufio.NewReaderSize(c, 8<<10)
	} else {
		k.br.Reset(c)
	}
	return nil
}

func (k *cli) close() {
	if k.c != nil {
		k.c.Close()
		k.c = nil
	}
}

var errShort = errors.New("stream ended without [DONE]")

// do sends the request and reads the whole answer. onChunk, when set, may stop it early.
func (k *cli) do(stream bool, timeout time.Duration, keepTransit bool, onChunk func(r *result) bool) (r result, err error) {
	reused := k.c != nil
	r.start = time.Now()
	if !reused {
		if err = k.dial(); err != nil {
			return
		}
	}
	k.c.SetDeadline(r.start.Add(timeout))
	if _, err = k.c.Write(k.t.req); err == nil {
		_, err = k.br.Peek(1)
	}
	if err != nil && reused { // a kept connection may have been closed by the server: try once afresh
		k.close()
		if err = k.dial(); err != nil {
			return
		}
		k.c.SetDeadline(r.start.Add(timeout))
		if _, err = k.c.Write(k.t.req); err == nil {
			_, err = k.br.Peek(1)
		}
	}
	if err != nil {
		k.close()
		return
	}
	clen, chunked, closeAfter := -1, false, false
	line, err := k.br.ReadSlice('\n')
	if err != nil {
		k.close()
		return
	}
	if len(line) < 12 {
		k.close()
		return r, io.ErrUnexpectedEOF
	}
	closeAfter = bytes.HasPrefix(line, []byte("HTTP/1.0"))
	r.status, _ = strconv.Atoi(string(line[9:12]))
	for {
		line, err = k.br.ReadSlice('\n')
		if err != nil {
			k.close()
			return
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		c := bytes.IndexByte(line, ':')
		switch c {
		case 10:
			if bytes.EqualFold(line[:c], []byte("connection")) && bytes.EqualFold(bytes.TrimSpace(line[c+1:]), []byte("close")) {
				closeAfter = true
			}
		case 14:
			if bytes.EqualFold(line[:c], []byte("content-length")) {
				clen, _ = strconv.Atoi(string(bytes.TrimSpace(line[c+1:])))
			}
		case 17:
			if bytes.EqualFold(line[:c], []byte("transfer-encoding")) {
				chunked = true
			}
		}
	}
	var body io.Reader
	switch {
	case chunked:
		body = &chunkReader{br: k.br}
	case clen >= 0:
		body = io.LimitReader(k.br, int64(clen))
	default:
		body = k.br
		closeAfter = true
	}
	if !stream || r.status != 200 {
		if cap(k.buf) < 4096 {
			k.buf = make([]byte, 4096)
		}
		ok := false
		for {
			n, e := body.Read(k.buf[:cap(k.buf)])
			if n > 0 {
				if r.bytes == 0 {
					r.first = time.Now()
				}
				r.bytes += n
				if !ok && bytes.Contains(k.buf[:n], []byte(`"choices"`)) {
					ok = true
				}
			}
			if e == io.EOF || n == 0 {
				break
			}
			if e != nil {
				k.close()
				return r, e
			}
		}
		r.done = ok
	} else {
		if k.line == nil {
			k.line = bufio.NewReaderSize(body, 16<<10)
		} else {
			k.line.Reset(body)
		}
		for {
			line, e := k.line.ReadSlice('\n')
			if len(line) > 6 && line[0] == 'd' {
				r.bytes += len(line)
				if i := bytes.IndexByte(line, '@'); i > 0 {
					now := time.Now()
					r.chunks++
					var v int64
					for _, d := range line[i+1:] {
						if d < '0' || d > '9' {
							break
						}
						v = v*10 + int64(d-'0')
					}
					if r.chunks == 1 {
						r.first = now
						r.firstMark = v
					}
					if keepTransit {
						r.transit = append(r.transit, now.UnixNano()-v)
					}
					if onChunk != nil && !onChunk(&r) {
						k.close()
						r.end = time.Now()
						return r, nil
					}
				} else if bytes.HasPrefix(line, []byte("data: [DONE]")) {
					r.done = true
				}
			}
			if e != nil {
				if e != io.EOF {
					k.close()
					return r, e
				}
				break
			}
		}
	}
	r.end = time.Now()
	if closeAfter {
		k.close()
	}
	if r.status == 200 && !r.done {
		k.close()
		return r, errShort
	}
	return r, nil
}

type chunkReader struct {
	br   *bufio.Reader
	left int
	eof  bool
}

func (c *chunkReader) Read(p []byte) (int, error) {
	if c.eof {
		return 0, io.EOF
	}
	if c.left == 0 {
		n, err := readChunkSize(c.br)
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		if n == 0 {
			c.eof = true
			for { // trailers
				line, err := c.br.ReadSlice('\n')
				if err != nil || len(bytes.TrimSpace(line)) == 0 {
					break
				}
			}
			return 0, io.EOF
		}
		c.left = n
	}
	if len(p) > c.left {
		p = p[:c.left]
	}
	n, err := c.br.Read(p)
	c.left -= n
	if err == nil && c.left == 0 {
		_, err = c.br.Discard(2)
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
