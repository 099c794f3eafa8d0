// A Vendure server for tests: everything in one process, on the loopback, ended with whoever started it.
// Takes: DATABASE_URL, PORT, and SCHEMA=make to make the tables. Says `ready` on standard output when its API answers.
require('reflect-metadata');
const { bootstrap, DefaultJobQueuePlugin, DefaultLogger, JobQueueService, LogLevel, dummyPaymentHandler } = require('@vendure/core');

// Standard input is a pipe that only our owner holds open: however it ends, the pipe closes.
process.stdin.resume();
process.stdin.on('close', () => process.exit(1));

const config = {
  logger: new DefaultLogger({ level: LogLevel.Warn, timestamp: true }),
  apiOptions: { port: Number(process.env.PORT), hostname: '127.0.0.1', adminApiPath: 'admin-api', shopApiPath: 'shop-api' },
  authOptions: {
    tokenMethod: ['bearer', 'api-key'],
    requireVerification: false,
    superadminCredentials: { identifier: 'officer', password: 'of the tests alone' },
  },
  dbConnectionOptions: {
    type: 'postgres',
    url: process.env.DATABASE_URL,
    synchronize: process.env.SCHEMA === 'make',
    logging: false,
    poolSize: 10,
  },
  paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler] },
  plugins: [DefaultJobQueuePlugin.init({ useDatabaseForBuffer: true })],
};

bootstrap(config)
  .then(app => app.get(JobQueueService).start())
  .then(() => console.log('ready'))
  .catch(error => {
    console.error(error);
    process.exit(1);
  });
