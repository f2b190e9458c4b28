// An AMQP broker that the azure-eventhub client takes for Event Hubs: partitions, consumer groups, epochs, batches.
//
// Started with its hubs and their numbers of partitions, `node event_hubs.js '{"hub": 4}' KEY`, it prints {"port": …}, and
// then answers commands, one JSON object a line, until its standard input ends:
//
//   {"do": "stored", "hub": H}                   the bodies of each partition, in base64, in order
//   {"do": "seed", "hub": H, "partition": P, "bodies": [base64, …]}
//   {"do": "readers", "hub": H}                  how many read each partition: {"0": 1, …}
//   {"do": "opened"}                             how many connections there have been
//   {"do": "drop"}                               cuts every connection now
//   {"do": "drop", "after_stored": N}            cuts it in place of the acknowledgement, once N more bodies are stored
//   {"do": "drop", "after_given": N}             cuts it once N more bodies were given to readers
//   {"do": "busy", "sends": N, "after_stored": M}   refuses N sends with com.microsoft:server-busy, M bodies from now

'use strict';

const crypto = require('crypto');
const readline = require('readline');
const container = require('rhea');
const { message, types } = container;

// The client indexes the fields of these frames without asking how many there are, so the last ones must be there.
const frames = require('rhea/lib/frames.js');
const transfer = frames.transfer;
frames.transfer = (fields) => transfer({ resume: false, aborted: false, batchable: false, ...fields });
const fault = (condition, description) => ({ condition, description, info: { product: 'stand-in' } });
const PROPERTIES = { product: 'stand-in' };
const LARGEST_MESSAGE = 1024 * 1024;
const BATCH = 0x80013700;

const KEY = process.argv[3];
const hubs = new Map(
  Object.entries(JSON.parse(process.argv[2])).map(([name, count]) => [
    name,
    { created: Date.now(), next: 0, partitions: Array.from({ length: count }, () => ({ events: [], size: 0 })) },
  ]),
);
const connections = new Set();
const readers = new Set();
let opened = 0;
let busy = { sends: 0, after_stored: 0 };
let dropAfter = {};

// ---------------------------------------------------------------------------------------------------------- storing

function store(hub, partition, bodies) {
  for (const body of bodies) {
    const { events } = partition;
    events.push({ sequence: events.length, offset: String(partition.size), enqueued: Date.now(), body });
    partition.size += body.length + 40; // offsets are no sequence numbers, so that nobody can confuse the two unpunished
  }
}

function partitionFor(hub, wanted, key) {
  if (wanted !== undefined) return hub.partitions[Number(wanted)];
  if (key) return hub.partitions[crypto.createHash('sha256').update(key).digest().readUInt32BE(0) % hub.partitions.length];
  return hub.partitions[hub.next++ % hub.partitions.length];
}

const listed = (content, multiple) => (multiple ? content : [content]);

function receive(context) {
  const { hub, partition } = context.receiver.route;
  const batched = context.format === BATCH;
  const outer = batched ? message.decode(context.message) : context.message;
  const sections = listed(outer.body.content, outer.body.multiple);
  const bodies = batched
    ? sections.map((each) => message.decode(each)).map((each) => Buffer.concat(listed(each.body.content, each.body.multiple)))
    : [Buffer.concat(sections)];
  if (busy.sends > 0 && busy.after_stored <= 0) {
    busy.sends -= 1;
    context.delivery.reject(fault('com.microsoft:server-busy', 'The request was terminated.'));
    return;
  }
  store(hub, partitionFor(hub, partition, (outer.message_annotations || {})['x-opt-partition-key']), bodies);
  busy.after_stored -= bodies.length;
  if (!counted('after_stored', bodies.length, context.connection)) context.delivery.accept();
  readers.forEach(give);
}

// ---------------------------------------------------------------------------------------------------------- reading

function positionIn(partition, selector) {
  const [, field, operator, value] = /x-opt-(\S+) (>=?) '([^']*)'/.exec(selector) || [];
  const { events } = partition;
  if (value === undefined || value === '-1') return 0;
  if (value === '@latest') return events.length;
  const member = { offset: 'offset', 'sequence-number': 'sequence', 'enqueued-time': 'enqueued' }[field];
  const found = events.findIndex((event) => Number(event[member]) > value || (operator === '>=' && event[member] == value));
  return found < 0 ? events.length : found;
}

function give(reader) {
  const { sender, partition } = reader;
  while (sender.is_open() && sender.sendable() && reader.position < partition.events.length) {
    const event = partition.events[reader.position++];
    sender.send({
      message_annotations: {
        'x-opt-sequence-number': types.wrap_long(event.sequence),
        'x-opt-offset': event.offset,
        'x-opt-enqueued-time': types.wrap_timestamp(event.enqueued),
      },
      body: message.data_section(event.body),
    });
    if (counted('after_given', 1, sender.connection)) return;
  }
}

// A reader with an epoch displaces those below or at it, and is turned away by one above it.
function displaced(reader) {
  const rivals = [...readers].filter((each) => each.partition === reader.partition && each.group === reader.group);
  const greatest = Math.max(-1, ...rivals.map((each) => each.epoch));
  if (greatest > reader.epoch) return false;
  if (reader.epoch >= 0) {
    for (const rival of rivals) {
      readers.delete(rival);
      rival.sender.close(fault('amqp:link:stolen', `A receiver of epoch ${reader.epoch} came.`));
    }
  }
  return true;
}

function counted(event, count, connection) {
  if (dropAfter[event] === undefined) return false;
  dropAfter[event] -= count;
  if (dropAfter[event] > 0) return false;
  delete dropAfter[event];
  setImmediate(() => connection.socket.destroy());
  return true;
}

// ------------------------------------------------------------------------------------------------ $cbs and $management

function isSigned(token) {
  const fields = new URLSearchParams(String(token).replace(/^SharedAccessSignature /, ''));
  const signed = `${encodeURIComponent(fields.get('sr'))}\n${fields.get('se')}`;
  return fields.get('sig') === crypto.createHmac('sha256', KEY).update(signed).digest('base64');
}

function about(request) {
  const { name, partition, type } = request.application_properties;
  const hub = hubs.get(name);
  if (!hub) return [404, 'The messaging entity could not be found.', {}];
  if (type !== 'com.microsoft:partition') {
    const ids = types.wrap_array(hub.partitions.map((_, place) => String(place)), 0xa1);
    const count = types.wrap_int(hub.partitions.length);
    return [200, 'OK', { name, created_at: types.wrap_timestamp(hub.created), partition_count: count, partition_ids: ids }];
  }
  const { events } = hub.partitions[Number(partition)];
  const last = events[events.length - 1] || { sequence: -1, offset: '-1', enqueued: 0 };
  return [200, 'OK', {
    name,
    partition,
    begin_sequence_number: types.wrap_long(0),
    last_enqueued_sequence_number: types.wrap_long(last.sequence),
    last_enqueued_offset: last.offset,
    last_enqueued_time_utc: types.wrap_timestamp(last.enqueued),
    is_partition_empty: events.length === 0,
  }];
}

function respond(context) {
  const { connection, message: request, receiver } = context;
  const [status, description, body] = receiver.route.address === '$cbs'
    ? isSigned(request.body) ? [202, 'Accepted', {}] : [401, 'The token has an invalid signature.', {}]
    : about(request);
  context.delivery.accept();
  connection.find_sender((sender) => sender.source.address === receiver.route.address && sender.is_open()).send({
    correlation_id: request.message_id,
    application_properties: { 'status-code': types.wrap_int(status), 'status-description': description },
    body: Object.keys(body).length ? body : { status },
  });
}

// ------------------------------------------------------------------------------------------------------------- links

function routeOf(address) {
  const path = address.replace(/^amqps?:\/\/[^/]*\//, '');
  if (path.startsWith('$')) return { address: path };
  const [name, ...rest] = path.split('/');
  const named = Object.fromEntries(rest.flatMap((each, place) => (place % 2 ? [] : [[each, rest[place + 1]]])));
  return { address: path, hub: hubs.get(name), group: named.ConsumerGroups, partition: named.Partitions };
}

function attached(link, terminus) {
  const route = routeOf(terminus.address);
  link.set_source({ address: link.source && link.source.address });
  link.set_target({ address: link.target && link.target.address });
  Object.assign(link.local.attach, { max_message_size: LARGEST_MESSAGE, properties: PROPERTIES });
  if (!route.hub && !route.address.startsWith('$')) {
    link.close(fault('amqp:not-found', 'The messaging entity could not be found.'));
    return undefined;
  }
  return route;
}

container.on('connection_open', ({ connection }) => {
  opened += 1;
  connections.add(connection);
});
container.on('disconnected', ({ connection }) => {
  connections.delete(connection);
  readers.forEach((each) => each.sender.connection === connection && readers.delete(each));
});
container.on('session_open', ({ session }) => Object.assign(session.local.begin, { handle_max: 255, properties: PROPERTIES }));
container.on('receiver_open', ({ receiver }) => {
  receiver.route = attached(receiver, receiver.target);
});
container.on('sender_open', ({ sender }) => {
  const route = attached(sender, sender.source);
  if (!route || !route.hub) return;
  sender.local.attach.snd_settle_mode = 1;
  const epoch = (sender.properties || {})['com.microsoft:epoch'];
  const partition = route.hub.partitions[Number(route.partition)];
  const selector = Object.values(sender.source.filter || {})[0];
  const reader = { sender, partition, group: route.group, hub: route.hub, place: route.partition };
  Object.assign(reader, { epoch: epoch === undefined ? -1 : Number(epoch), position: positionIn(partition, String(selector.value || selector)) });
  if (displaced(reader)) {
    readers.add(reader);
    sender.reader = reader;
  } else {
    sender.close(fault('amqp:link:stolen', 'A receiver of a higher epoch is there.'));
  }
});
container.on('sender_close', ({ sender }) => readers.delete(sender.reader));
container.on('sendable', ({ sender }) => sender.reader && readers.has(sender.reader) && give(sender.reader));
container.on('message', (context) => (context.receiver.route.hub ? receive(context) : respond(context)));
for (const event of ['error', 'connection_error', 'session_error', 'protocol_error', 'sender_error', 'receiver_error']) {
  container.on(event, () => {});
}

// ----------------------------------------------------------------------------------------------------------- control

const commands = {
  stored: ({ hub }) => hubs.get(hub).partitions.map(({ events }) => events.map(({ body }) => body.toString('base64'))),
  seed: ({ hub, partition, bodies }) => {
    store(hubs.get(hub), hubs.get(hub).partitions[partition], bodies.map((each) => Buffer.from(each, 'base64')));
    readers.forEach(give);
  },
  readers: ({ hub }) => {
    const count = Object.fromEntries(hubs.get(hub).partitions.map((_, place) => [place, 0]));
    readers.forEach((each) => each.hub === hubs.get(hub) && (count[each.place] += 1));
    return count;
  },
  opened: () => opened,
  drop: ({ do: _, ...when }) => {
    if (Object.keys(when).length) dropAfter = when;
    else connections.forEach((each) => each.socket.destroy());
  },
  busy: ({ sends, after_stored }) => {
    busy = { sends, after_stored };
  },
};

container.sasl_server_mechanisms.enable_anonymous();
const server = container.listen({
  host: '127.0.0.1',
  port: 0,
  max_frame_size: 64 * 1024,
  channel_max: 255,
  idle_time_out: 240000,
  properties: PROPERTIES,
  receiver_options: { autoaccept: false, credit_window: 100, rcv_settle_mode: 0 },
});
server.on('listening', () => console.log(JSON.stringify({ port: server.address().port })));
readline
  .createInterface({ input: process.stdin })
  .on('line', (line) => {
    const command = JSON.parse(line);
    console.log(JSON.stringify({ answer: commands[command.do](command) ?? null }));
  })
  .on('close', () => process.exit(0));
