// A Medusa server for tests, on the loopback, ended with whoever started it.
// Takes: DATABASE_URL, PORT. Says `ready` on standard output when its API answers.
const net = require('net');

// Standard input is a pipe that only our owner holds open: however it ends, the pipe closes.
process.stdin.resume();
process.stdin.on('close', () => process.exit(1));

// Medusa hands its server to nobody, so that we learn from the socket itself that it listens.
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...wanted) {
  this.once('listening', () => {
    if (this.address()?.port === Number(process.env.PORT)) console.log('ready');
  });
  return listen.apply(this, wanted);
};

const { default: start } = require('@medusajs/medusa/commands/start');
start({ directory: __dirname, port: Number(process.env.PORT), host: '127.0.0.1', types: false });
