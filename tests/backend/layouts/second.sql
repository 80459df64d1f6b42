BEGIN TRANSACTION;
CREATE TABLE counts (pipeline NOT NULL, status NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (pipeline, status))
    WITHOUT ROWID;
INSERT INTO "counts" VALUES('a','created',1);
INSERT INTO "counts" VALUES('a','failure',1);
INSERT INTO "counts" VALUES('a','queued',1);
INSERT INTO "counts" VALUES('a','running',1);
INSERT INTO "counts" VALUES('a','success',1);
INSERT INTO "counts" VALUES('b','created',1);
INSERT INTO "counts" VALUES('b','failure',1);
INSERT INTO "counts" VALUES('b','queued',2);
INSERT INTO "counts" VALUES('b','running',1);
INSERT INTO "counts" VALUES('b','success',1);
CREATE TABLE marks (
    work INTEGER NOT NULL, field NOT NULL, value NOT NULL, queue, urgency, born, PRIMARY KEY (field, value, work)
) WITHOUT ROWID;
INSERT INTO "marks" VALUES(1,'event',0,NULL,1,1700000000.0);
INSERT INTO "marks" VALUES(2,'event',1,NULL,2,1700000001.0);
INSERT INTO "marks" VALUES(3,'event',2,'a',3,1700000002.0);
INSERT INTO "marks" VALUES(4,'event',3,'b',4,1700000003.0);
INSERT INTO "marks" VALUES(5,'event',4,NULL,5,1700000004.0);
INSERT INTO "marks" VALUES(6,'event',5,NULL,1,1700000005.0);
INSERT INTO "marks" VALUES(7,'event',6,NULL,2,1700000006.0);
INSERT INTO "marks" VALUES(8,'event',7,NULL,3,1700000007.0);
INSERT INTO "marks" VALUES(9,'event',8,NULL,4,1700000008.0);
INSERT INTO "marks" VALUES(10,'event',9,NULL,5,1700000009.0);
INSERT INTO "marks" VALUES(1,'tags','x',NULL,1,1700000000.0);
INSERT INTO "marks" VALUES(2,'tags','x',NULL,2,1700000001.0);
INSERT INTO "marks" VALUES(3,'tags','x','a',3,1700000002.0);
INSERT INTO "marks" VALUES(4,'tags','x','b',4,1700000003.0);
INSERT INTO "marks" VALUES(5,'tags','x',NULL,5,1700000004.0);
INSERT INTO "marks" VALUES(6,'tags','x',NULL,1,1700000005.0);
INSERT INTO "marks" VALUES(7,'tags','x',NULL,2,1700000006.0);
INSERT INTO "marks" VALUES(8,'tags','x',NULL,3,1700000007.0);
INSERT INTO "marks" VALUES(9,'tags','x',NULL,4,1700000008.0);
INSERT INTO "marks" VALUES(10,'tags','x',NULL,5,1700000009.0);
CREATE TABLE works (
    rowid INTEGER PRIMARY KEY, id NOT NULL, pipeline NOT NULL, status NOT NULL, priority NOT NULL, creation NOT NULL,
    start, timeout NOT NULL, attempt NOT NULL, retries NOT NULL, site, user, parent, odd NOT NULL, body TEXT NOT NULL
);
INSERT INTO "works" VALUES(1,'000000000000000000000000','a','created',1,1700000000.0,NULL,3600,0,2,'chime','tester',NULL,0,'{"pipeline":"a","site":"chime","user":"tester","function":null,"parameters":null,"command":null,"results":null,"products":null,"plots":null,"tags":["x"],"event":[0],"id":"000000000000000000000000","creation":1700000000.0,"start":null,"stop":null,"attempt":0,"status":"created","timeout":3600,"retries":2,"priority":1,"config":{"archive":{"results":true,"products":"copy","plots":"copy","logs":"move"},"metrics":false,"parent":null,"orgs":["chimefrb"],"teams":null},"notify":{"slack":{"channel_id":null,"member_ids":null,"message":null,"results":null,"products":null,"plots":null,"blocks":null,"reply":null}}}');
INSERT INTO "works" VALUES(2,'000000000000000000000001','b','created',2,1700000001.0,NULL,3600,0,2,'chime','tester',NULL,0,'{"pipeline":"b","site":"chime","user":"tester","function":null,"parameters":null,"command":null,"results":null,"products":null,"plots":null,"tags":["x"],"event":[1],"id":"000000000000000000000001","creation":1700000001.0,"start":null,"stop":null,"attempt":0,"status":"created","timeout":3600,"retries":2,"priority":2,"config":{"archive":{"results":true,"products":"copy","plots":"copy","logs":"move"},"metrics":false,"parent":null,"orgs":["chimefrb"],"teams":null},"notify":{"slack":{"channel_id":null,"member_ids":null,"message":null,"results":null,"products":null,"plots":null,"blocks":null,"reply":null}}}');
INSERT INTO "works" VALUES(3,'000000000000000000000002','a','queued',3,1700000002.0,NULL,3600,0,2,'chime','tester',NULL,0,'{"pipeline":"a","site":"chime","user":"tester","function":null,"parameters":null,"command":null,"results":null,"products":null,"plots":null,"tags":["x"],"event":[2],"id":"000000000000000000000002","creation":1700000002.0,"start":null,"stop":null,"attempt":0,"status":"queued","timeout":3600,"retries":2,"priority":3,"config":{"archive":{"results":true,"products":"copy","plots":"copy","logs":"move"},"metrics":false,"parent":null,"orgs":["chimefrb"],"teams":null},"notify":{"slack":{"channel_id":null,"member_ids":null,"message":null,"results":null,"products":null,"plots":null,"blocks":null,"reply":null}}}');
INSERT INTO "works" VALUES(4,'000000000000000000000003','b','queued',4,1700000003.0,NULL,3600,0,2,'chime','tester',NULL,0,'{"pipeline":"b","site":"chime","user":"tester","function":null,"parameters":null,"command":null,"results":null,"products":null,"plots":null,"tags":["x"],"event":[3],"id":"000000000000000000000003","creation":1700000003.0,"start":null,"stop":null,"attempt":0,"status":"queued","timeout":3600,"retries":2,"priority":4,"config":{"archive":{"results":true,"products":"copy","plots":"copy","logs":"move"},"metrics":false,"parent":null,"orgs":["chimefrb"],"teams":null},"notify":{"slack":{"channel_id":null,"member_ids":null,"message":null,"results":null,"products":null,"plots":null,"blocks":null,"reply":null}}}');
INSERT INTO "works" VALUES(5,'000000000000000000000004','a','running',5,1700000004.0,1700000100.0,3600,0,2,'chime','tester',NULL,0,'{"pipeline":"a","site":"chime","user":"tester","function":null,"parameters":null,"command":null,"results":null,"products":null,"plots":null,"tags":["x"],"event":[4],"id":"000000000000000000000004","creation":1700000004.0,"start":1700000100.0,"stop":null,"attempt":0,"status":"running","timeout":3600,"retries":2,"priority":5,"config":{"archive":{"results":true,"products":"copy","plots":"copy","logs":"move"},"metrics":false,"parent":null,"orgs":["chimefrb"],"teams":null},"notify":{"slack":{"channel_id":null,"member_ids":null,"message":null,"results":null,"products":null,"plots":null,"blocks":null,"reply":null}}}');
INSERT INTO "works" VALUES(6,'000000000000000000000005','b','running',1,1700000005.0,1700000100.0,3600,0,2,'chime','tester',NULL,0,'{"pipeline":"b","site":"chime","user":"tester","function":null,"parameters":null,"command":null,"results":null,"products":null,"plots":null,"tags":["x"],"event":[5],"id":"000000000000000000000005","creation":1700000005.0,"start":1700000100.0,"stop":null,"attempt":0,"status":"running","timeout":3600,"retries":2,"priority":1,"config":{"archive":{"results":true,"products":"copy","plots":"copy","logs":"move"},"metrics":false,"parent":null,"orgs":["chimefrb"],"teams":null},"notify":{"slack":{"channel_id":null,"member_ids":null,"message":null,"results":null,"products":null,"plots":null,"blocks":null,"reply":null}}}');
INSERT INTO "works" VALUES(7,'000000000000000000000006','a','success',2,1700000006.0,NULL,3600,0,2,'chime','tester',NULL,0,'{"pipeline":"a","site":"chime","user":"tester","function":null,"parameters":null,"command":null,"results":null,"products":null,"plots":null,"tags":["x"],"event":[6],"id":"000000000000000000000006","creation":1700000006.0,"start":null,"stop":null,"attempt":0,"status":"success","timeout":3600,"retries":2,"priority":2,"config":{"archive":{"results":true,"products":"copy","plots":"copy","logs":"move"},"metrics":false,"parent":null,"orgs":["chimefrb"],"teams":null},"notify":{"slack":{"channel_id":null,"member_ids":null,"message":null,"results":null,"products":null,"plots":null,"blocks":null,"reply":null}}}');
INSERT INTO "works" VALUES(8,'000000000000000000000007','b','success',3,1700000007.0,NULL,3600,0,2,'chime','tester',NULL,0,'{"pipeline":"b","site":"chime","user":"tester","function":null,"parameters":null,"command":null,"results":null,"products":null,"plots":null,"tags":["x"],"event":[7],"id":"000000000000000000000007","creation":1700000007.0,"start":null,"stop":null,"attempt":0,"status":"success","timeout":3600,"retries":2,"priority":3,"config":{"archive":{"results":true,"products":"copy","plots":"copy","logs":"move"},"metrics":false,"parent":null,"orgs":["chimefrb"],"teams":null},"notify":{"slack":{"channel_id":null,"member_ids":null,"message":null,"results":null,"products":null,"plots":null,"blocks":null,"reply":null}}}');
INSERT INTO "works" VALUES(9,'000000000000000000000008','a','failure',4,1700000008.0,NULL,3600,0,2,'chime','tester',NULL,0,'{"pipeline":"a","site":"chime","user":"tester","function":null,"parameters":null,"command":null,"results":null,"products":null,"plots":null,"tags":["x"],"event":[8],"id":"000000000000000000000008","creation":1700000008.0,"start":null,"stop":null,"attempt":0,"status":"failure","timeout":3600,"retries":2,"priority":4,"config":{"archive":{"results":true,"products":"copy","plots":"copy","logs":"move"},"metrics":false,"parent":null,"orgs":["chimefrb"],"teams":null},"notify":{"slack":{"channel_id":null,"member_ids":null,"message":null,"results":null,"products":null,"plots":null,"blocks":null,"reply":null}}}');
INSERT INTO "works" VALUES(10,'000000000000000000000009','b','failure',5,1700000009.0,NULL,3600,2,2,'chime','tester',NULL,0,'{"pipeline":"b","site":"chime","user":"tester","function":null,"parameters":null,"command":null,"results":null,"products":null,"plots":null,"tags":["x"],"event":[9],"id":"000000000000000000000009","creation":1700000009.0,"start":null,"stop":null,"attempt":2,"status":"failure","timeout":3600,"retries":2,"priority":5,"config":{"archive":{"results":true,"products":"copy","plots":"copy","logs":"move"},"metrics":false,"parent":null,"orgs":["chimefrb"],"teams":null},"notify":{"slack":{"channel_id":null,"member_ids":null,"message":null,"results":null,"products":null,"plots":null,"blocks":null,"reply":null}}}');
INSERT INTO "works" VALUES(11,'ffffffffffffffffffffffff','b','queued',3,1700000050.0,NULL,3600,0,2,NULL,'tester',NULL,1,'{"pipeline":"b","site":["odd"],"user":"tester","function":null,"parameters":null,"command":null,"results":null,"products":null,"plots":null,"tags":null,"event":null,"id":"ffffffffffffffffffffffff","creation":1700000050.0,"start":null,"stop":null,"attempt":0,"status":"queued","timeout":3600,"retries":2,"priority":3,"config":{"archive":{"results":true,"products":"copy","plots":"copy","logs":"move"},"metrics":false,"parent":null,"orgs":["chimefrb"],"teams":null},"notify":{"slack":{"channel_id":null,"member_ids":null,"message":null,"results":null,"products":null,"plots":null,"blocks":null,"reply":null}}}');
CREATE UNIQUE INDEX works_id ON works (id);
CREATE INDEX works_newest ON works (creation);
CREATE INDEX works_pipeline ON works (pipeline, creation);
CREATE INDEX works_status ON works (pipeline, status, creation);
CREATE INDEX works_any_pipeline ON works (status, creation);
CREATE INDEX works_site ON works (site, creation);
CREATE INDEX works_user ON works (user, creation);
CREATE INDEX works_parent ON works (parent, creation) WHERE parent IS NOT NULL;
CREATE INDEX works_queue ON works (pipeline, priority DESC, creation) WHERE status = 'queued';
CREATE INDEX works_running ON works (start + timeout) WHERE status = 'running';
CREATE INDEX works_failed ON works (creation) WHERE status = 'failure' AND attempt < retries;
CREATE INDEX works_odd ON works (odd) WHERE odd;
CREATE INDEX marks_of_work ON marks (work);
CREATE TRIGGER works_added AFTER INSERT ON works BEGIN
    INSERT INTO counts VALUES (NEW.pipeline, NEW.status, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER works_removed AFTER DELETE ON works BEGIN
    UPDATE counts SET n = n - 1 WHERE pipeline = OLD.pipeline AND status = OLD.status;
    DELETE FROM counts WHERE pipeline = OLD.pipeline AND status = OLD.status AND n = 0;
    DELETE FROM marks WHERE work = OLD.rowid;
END;
CREATE TRIGGER works_moved AFTER UPDATE OF pipeline, status ON works
WHEN OLD.pipeline IS NOT NEW.pipeline OR OLD.status IS NOT NEW.status BEGIN
    INSERT INTO counts VALUES (NEW.pipeline, NEW.status, 1) ON CONFLICT DO UPDATE SET n = n + 1;
    UPDATE counts SET n = n - 1 WHERE pipeline = OLD.pipeline AND status = OLD.status;
    DELETE FROM counts WHERE pipeline = OLD.pipeline AND status = OLD.status AND n = 0;
END;
CREATE INDEX works_site_queue ON works (pipeline, site, priority DESC, creation) WHERE status = 'queued';
CREATE INDEX works_parent_queue ON works (pipeline, parent, priority DESC, creation)
    WHERE status = 'queued' AND parent IS NOT NULL;
CREATE INDEX works_exhausted ON works (status, creation) WHERE attempt >= retries;
CREATE INDEX marks_queue ON marks (field, value, queue, urgency DESC, born, work) WHERE queue IS NOT NULL;
CREATE TRIGGER works_requeued AFTER UPDATE OF pipeline, status, priority, creation ON works
WHEN NEW.status = 'queued' BEGIN
    UPDATE marks SET queue = NEW.pipeline, urgency = NEW.priority, born = NEW.creation WHERE work = NEW.rowid;
END;
CREATE TRIGGER works_ended AFTER UPDATE OF status ON works
WHEN NEW.status NOT IN ('queued', 'running') AND OLD.status IN ('queued', 'running') BEGIN
    UPDATE marks SET queue = NULL WHERE work = NEW.rowid AND queue IS NOT NULL;
END;
COMMIT;
PRAGMA user_version = 2;
