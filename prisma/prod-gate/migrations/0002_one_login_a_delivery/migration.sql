-- A delivery has one session and one login. Sessions are the deliverer's rows, so that "one a session" alone would let a
-- captured deliverer log in again and again under one set of approvals.
create unique index minted_login_delivery on minted_login (delivery_id);
