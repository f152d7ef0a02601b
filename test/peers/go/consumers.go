package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

var consumers sync.Map

func startPush(in request) error {
	options := []consumer.Option{
		consumer.WithNsResolver(primitive.NewPassthroughResolver(strings.Split(in.Namesrv, ";"))),
		consumer.WithGroupName(in.Group),
		consumer.WithInstance(in.Name),
	}
	if in.From == "CONSUME_FROM_FIRST_OFFSET" {
		options = append(options, consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	}
	if in.MaxTimes != nil {
		options = append(options, consumer.WithMaxReconsumeTimes(*in.MaxTimes))
	}
	if in.BatchMax != nil {
		options = append(options, consumer.WithConsumeMessageBatchMaxSize(*in.BatchMax))
	}
	made, err := rocketmq.NewPushConsumer(options...)
	if err != nil {
		return err
	}
	listen := listener(in.Name, in.Behaviour)
	for topic, expression := range in.Subs {
		selector := consumer.MessageSelector{Type: consumer.TAG, Expression: expression}
		if sql, isSQL := strings.CutPrefix(expression, "sql:"); isSQL {
			selector = consumer.MessageSelector{Type: consumer.SQL92, Expression: sql}
		}
		if err := made.Subscribe(topic, selector, listen); err != nil {
			return err
		}
	}
	if err := made.Start(); err != nil {
		return err
	}
	consumers.Store(in.Name, made)
	return nil
}

func listener(name string, behaviour behaviour) func(context.Context, ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
	var lock sync.Mutex
	deliveries := map[string]int{}
	return func(ctx context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		failed := false
		lock.Lock()
		for _, one := range messages {
			// The messages of one batch share a UNIQ_KEY on a 5.x broker; their bodies tell them apart.
			identity := one.MsgId + "/" + string(one.Body)
			deliveries[identity]++
			failed = failed || deliveries[identity] <= behaviour.FailTimes
		}
		lock.Unlock()
		for _, one := range messages {
			emit(object{
				"event": "message", "consumer": name, "at": time.Now().UnixMilli(), "failed": failed,
				"batch": len(messages), "message": describe(one),
			})
		}
		if behaviour.DelayLevel != nil {
			if settings, ok := primitive.GetConcurrentlyCtx(ctx); ok {
				settings.DelayLevelWhenNextConsume = *behaviour.DelayLevel
			}
		}
		if failed && behaviour.Throwing {
			return consumer.ConsumeRetryLater, errors.New("asked to fail")
		}
		if failed {
			return consumer.ConsumeRetryLater, nil
		}
		return consumer.ConsumeSuccess, nil
	}
}

func describe(in *primitive.MessageExt) object {
	queueID := 0
	broker := ""
	if in.Queue != nil {
		queueID = in.Queue.QueueId
		broker = in.Queue.BrokerName
	}
	return object{
		"topic": in.Topic, "msgId": in.MsgId, "offsetMsgId": in.OffsetMsgId, "brokerName": broker, "queueId": queueID,
		"queueOffset": in.QueueOffset, "commitLogOffset": in.CommitLogOffset, "storeSize": in.StoreSize,
		"tags": in.GetTags(), "keys": in.GetKeys(), "flag": in.Flag, "sysFlag": in.SysFlag, "reconsumeTimes": in.ReconsumeTimes,
		"preparedTransactionOffset": in.PreparedTransactionOffset, "bornTimestamp": in.BornTimestamp,
		"storeTimestamp": in.StoreTimestamp, "bornHost": in.BornHost, "storeHost": in.StoreHost,
		"properties": in.GetProperties(), "bodyBase64": base64.StdEncoding.EncodeToString(in.Body),
	}
}

func stopPush(in request) error {
	found, ok := consumers.LoadAndDelete(in.Name)
	if !ok {
		return fmt.Errorf("no consumer %s", in.Name)
	}
	return found.(rocketmq.PushConsumer).Shutdown()
}
