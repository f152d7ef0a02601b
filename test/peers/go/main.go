// Command driver drives client-go v2 by JSON lines; the protocol is that of the Java driver, as far as this client supports it.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"github.com/apache/rocketmq-client-go/v2/rlog"
)

type request struct {
	ID       int    `json:"id"`
	Op       string `json:"op"`
	Name     string `json:"name"`
	Namesrv  string `json:"namesrvAddr"`
	Group    string `json:"group"`
	Retry    *int   `json:"retryTimesWhenSendFailed"`
	Compress *int   `json:"compressMsgBodyOverHowmuch"`
	Mode     string `json:"mode"`
	// How a local transaction ends, and what checks are answered.
	State      string            `json:"state"`
	CheckState string            `json:"checkState"`
	Topic      string            `json:"topic"`
	Timeout    int64             `json:"timeout"`
	Message    message           `json:"message"`
	Messages   []message         `json:"messages"`
	First      int               `json:"first"`
	Count      int               `json:"count"`
	Queue      *queue            `json:"queue"`
	Subs       map[string]string `json:"subscriptions"`
	From       string            `json:"consumeFromWhere"`
	MaxTimes   *int32            `json:"maxReconsumeTimes"`
	BatchMax   *int              `json:"consumeMessageBatchMaxSize"`
	Behaviour  behaviour         `json:"behaviour"`
}

type queue struct {
	Topic      string `json:"topic"`
	BrokerName string `json:"brokerName"`
	QueueID    int    `json:"queueId"`
}

type message struct {
	Topic      string            `json:"topic"`
	Body       string            `json:"body"`
	BodyBase64 *string           `json:"bodyBase64"`
	BodyBytes  *int              `json:"bodyBytes"`
	Tags       string            `json:"tags"`
	Keys       string            `json:"keys"`
	Delay      int               `json:"delayTimeLevel"`
	Properties map[string]string `json:"properties"`
}

type behaviour struct {
	FailTimes  int  `json:"failTimes"`
	Throwing   bool `json:"throwing"`
	DelayLevel *int `json:"delayLevel"`
}

type object map[string]any

var outLock sync.Mutex

func emit(line object) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	outLock.Lock()
	defer outLock.Unlock()
	_, _ = os.Stdout.Write(append(text, '\n'))
}

func answer(in request) {
	result, err := call(in)
	if err != nil {
		emit(object{"id": in.ID, "error": object{"type": fmt.Sprintf("%T", err), "message": err.Error()}})
		return
	}
	emit(object{"id": in.ID, "result": result})
}

func call(in request) (any, error) {
	switch in.Op {
	case "producer.start":
		return nil, startProducer(in)
	case "producer.send":
		return send(in)
	case "producer.sendMany":
		return sendMany(in)
	case "producer.sendBatch":
		return sendBatch(in)
	case "producer.stop":
		return nil, stopProducer(in)
	case "reply.request":
		return requestReply(in)
	case "reply.startResponder":
		return nil, startResponder(in)
	case "reply.stop":
		return nil, stopResponder(in)
	case "transaction.start":
		return nil, startTransactions(in)
	case "transaction.send":
		return sendInTransaction(in)
	case "transaction.answer":
		return nil, answerChecks(in)
	case "transaction.checks":
		return takenChecks(in)
	case "transaction.stop":
		return nil, stopTransactions(in)
	case "push.start":
		return nil, startPush(in)
	case "push.stop":
		return nil, stopPush(in)
	default:
		return nil, fmt.Errorf("unknown op %s", in.Op)
	}
}

func main() {
	rlog.SetLogLevel("error")
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 64<<20)
	emit(object{"event": "ready"})
	for in.Scan() {
		var parsed request
		if err := json.Unmarshal(in.Bytes(), &parsed); err != nil {
			panic(err)
		}
		go answer(parsed)
	}
}
