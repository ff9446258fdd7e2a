"""AMQP 1.0 on the wire, as far as a broker of messages needs it.

Here belong bytes and what they mean, without sockets, queues or time: values (`types`, `encoding`,
`decoding`), frames and the performatives in them (`frames`, `performatives`), how deliveries end
(`outcomes`), and the sections of a message (`sections`). References are to the OASIS standard of 2012, by
part and section.

Two habits of Microsoft's clients shape what is written: descriptors are small unsigned longs (0x53),
because azure-servicebus takes the third byte of a performative for its code; and performatives carry all
their fields, because its versions before 7.15 index them without looking.
"""
