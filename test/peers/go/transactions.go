package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

var transactionProducers sync.Map

// Local transactions of this client see the message only, so what one shall answer is told by body beforehand.
type answering struct {
	producer   rocketmq.TransactionProducer
	lock       sync.Mutex
	states     map[string]string
	checkState string
	checks     []object
}

func localState(name string) primitive.LocalTransactionState {
	switch name {
	case "COMMIT_MESSAGE":
		return primitive.CommitMessageState
	case "ROLLBACK_MESSAGE":
		return primitive.RollbackMessageState
	default:
		return primitive.UnknowState
	}
}

func (a *answering) ExecuteLocalTransaction(message *primitive.Message) primitive.LocalTransactionState {
	a.lock.Lock()
	defer a.lock.Unlock()
	return localState(a.states[string(message.Body)])
}

func (a *answering) CheckLocalTransaction(message *primitive.MessageExt) primitive.LocalTransactionState {
	a.lock.Lock()
	defer a.lock.Unlock()
	a.checks = append(a.checks, object{
		"topic": message.Topic, "msgId": message.MsgId, "transactionId": message.TransactionId,
		"body": string(message.Body), "properties": message.GetProperties(),
	})
	return localState(a.checkState)
}

func startTransactions(in request) error {
	listener := &answering{states: map[string]string{}, checkState: in.CheckState}
	made, err := rocketmq.NewTransactionProducer(listener,
		producer.WithNsResolver(primitive.NewPassthroughResolver(strings.Split(in.Namesrv, ";"))),
		producer.WithGroupName(in.Group),
		producer.WithInstanceName(in.Name),
	)
	if err != nil {
		return err
	}
	if err := made.Start(); err != nil {
		return err
	}
	listener.producer = made
	transactionProducers.Store(in.Name, listener)
	return nil
}

func findTransactions(name string) (*answering, error) {
	found, ok := transactionProducers.Load(name)
	if !ok {
		return nil, fmt.Errorf("no transaction producer %s", name)
	}
	return found.(*answering), nil
}

func sendInTransaction(in request) (any, error) {
	through, err := findTransactions(in.Name)
	if err != nil {
		return nil, err
	}
	built, err := in.Message.build()
	if err != nil {
		return nil, err
	}
	through.lock.Lock()
	through.states[string(built.Body)] = in.State
	through.lock.Unlock()
	result, err := through.producer.SendMessageInTransaction(context.Background(), built)
	if err != nil {
		return nil, err
	}
	out := sendResult(result.SendResult)
	out["transactionId"] = result.TransactionID
	out["localTransactionState"] = map[primitive.LocalTransactionState]string{
		primitive.CommitMessageState:   "COMMIT_MESSAGE",
		primitive.RollbackMessageState: "ROLLBACK_MESSAGE",
		primitive.UnknowState:          "UNKNOW",
	}[result.State]
	return out, nil
}

func answerChecks(in request) error {
	through, err := findTransactions(in.Name)
	if err != nil {
		return err
	}
	through.lock.Lock()
	defer through.lock.Unlock()
	through.checkState = in.CheckState
	return nil
}

func takenChecks(in request) (any, error) {
	through, err := findTransactions(in.Name)
	if err != nil {
		return nil, err
	}
	through.lock.Lock()
	defer through.lock.Unlock()
	return append([]object{}, through.checks...), nil
}

func stopTransactions(in request) error {
	through, err := findTransactions(in.Name)
	if err != nil {
		return nil
	}
	transactionProducers.Delete(in.Name)
	return through.producer.Shutdown()
}
