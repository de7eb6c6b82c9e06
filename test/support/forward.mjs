// Listens on the loopback of a network namespace and hands on to addresses outside. Its argument: [[port, host outside, port outside], …].
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

for (const [port, host, outside] of JSON.parse(process.argv[2])) {
  const server = createServer((client) => {
    const onto = connect(outside, host);
    for (const socket of [client, onto]) socket.on('error', () => {});
    client.pipe(onto).on('close', () => client.destroy());
    onto.pipe(client).on('close', () => onto.destroy());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}
console.log('ready');
