/** Names of the gate's doorbells. A ring carries an id and no fact: whoever hears it looks into Postgres. */
export const delivererBell = 'airlock:gate:deliverer';
