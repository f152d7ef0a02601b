package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

var producers sync.Map

func startProducer(in request) error {
	options := []producer.Option{
		producer.WithNsResolver(primitive.NewPassthroughResolver(strings.Split(in.Namesrv, ";"))),
		producer.WithGroupName(in.Group),
		producer.WithInstanceName(in.Name),
	}
	if in.Retry != nil {
		options = append(options, producer.WithRetry(*in.Retry))
	}
	if in.Compress != nil {
		options = append(options, producer.WithCompressMsgBodyOverHowmuch(*in.Compress))
	}
	made, err := rocketmq.NewProducer(options...)
	if err != nil {
		return err
	}
	if err := made.Start(); err != nil {
		return err
	}
	producers.Store(in.Name, made)
	return nil
}

func findProducer(name string) (rocketmq.Producer, error) {
	found, ok := producers.Load(name)
	if !ok {
		return nil, fmt.Errorf("no producer %s", name)
	}
	return found.(rocketmq.Producer), nil
}

func (m message) build() (*primitive.Message, error) {
	body := []byte(m.Body)
	if m.BodyBase64 != nil {
		decoded, err := base64.StdEncoding.DecodeString(*m.BodyBase64)
		if err != nil {
			return nil, err
		}
		body = decoded
	} else if m.BodyBytes != nil {
		alphabet := []byte("abcdefghijklmnopqrstuvwxyz")
		body = bytes.Repeat(alphabet, *m.BodyBytes/len(alphabet)+1)[:*m.BodyBytes]
	}
	out := primitive.NewMessage(m.Topic, body)
	if m.Tags != "" {
		out.WithTag(m.Tags)
	}
	if m.Keys != "" {
		out.WithKeys(strings.Split(m.Keys, " "))
	}
	if m.Delay > 0 {
		out.WithDelayTimeLevel(m.Delay)
	}
	for key, value := range m.Properties {
		out.WithProperty(key, value)
	}
	return out, nil
}

func sendResult(in *primitive.SendResult) object {
	status := map[primitive.SendStatus]string{
		primitive.SendOK:                "SEND_OK",
		primitive.SendFlushDiskTimeout:  "FLUSH_DISK_TIMEOUT",
		primitive.SendFlushSlaveTimeout: "FLUSH_SLAVE_TIMEOUT",
		primitive.SendSlaveNotAvailable: "SLAVE_NOT_AVAILABLE",
	}[in.Status]
	return object{
		"sendStatus": status, "msgId": in.MsgID, "offsetMsgId": in.OffsetMsgID, "queueOffset": in.QueueOffset,
		"queueId": in.MessageQueue.QueueId, "brokerName": in.MessageQueue.BrokerName,
	}
}

func send(in request) (any, error) {
	through, err := findProducer(in.Name)
	if err != nil {
		return nil, err
	}
	built, err := in.Message.build()
	if err != nil {
		return nil, err
	}
	switch in.Mode {
	case "oneway":
		return nil, through.SendOneWay(context.Background(), built)
	case "async":
		return sendAsync(through, built)
	default:
		result, err := through.SendSync(context.Background(), built)
		if err != nil {
			return nil, err
		}
		return sendResult(result), nil
	}
}

func sendAsync(through rocketmq.Producer, built *primitive.Message) (any, error) {
	type outcome struct {
		result *primitive.SendResult
		err    error
	}
	done := make(chan outcome, 8)
	err := through.SendAsync(context.Background(), func(_ context.Context, result *primitive.SendResult, err error) {
		done <- outcome{result, err}
	}, built)
	if err != nil {
		return nil, err
	}
	first := <-done
	if first.err != nil {
		return nil, first.err
	}
	out := sendResult(first.result)
	out["callbacks"] = 1 + len(done)
	return out, nil
}

func sendMany(in request) (any, error) {
	through, err := findProducer(in.Name)
	if err != nil {
		return nil, err
	}
	out := make([]object, 0, in.Count)
	for i := in.First; i < in.First+in.Count; i++ {
		copied := in.Message
		number := fmt.Sprint(i)
		copied.Body = strings.ReplaceAll(copied.Body, "%d", number)
		copied.Keys = strings.ReplaceAll(copied.Keys, "%d", number)
		built, err := copied.build()
		if err != nil {
			return nil, err
		}
		result, err := through.SendSync(context.Background(), built)
		if err != nil {
			return nil, err
		}
		out = append(out, sendResult(result))
	}
	return out, nil
}

func sendBatch(in request) (any, error) {
	through, err := findProducer(in.Name)
	if err != nil {
		return nil, err
	}
	built := make([]*primitive.Message, 0, len(in.Messages))
	for _, one := range in.Messages {
		next, err := one.build()
		if err != nil {
			return nil, err
		}
		built = append(built, next)
	}
	result, err := through.SendSync(context.Background(), built...)
	if err != nil {
		return nil, err
	}
	return sendResult(result), nil
}

func stopProducer(in request) error {
	through, err := findProducer(in.Name)
	if err != nil {
		return nil
	}
	producers.Delete(in.Name)
	return through.Shutdown()
}
