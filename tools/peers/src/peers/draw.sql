-- The units of each item, and the items in stock by the sum of the weights up to each.
CREATE TABLE item (place int PRIMARY KEY, weight bigint NOT NULL, units bigint NOT NULL)
    WITH (fillfactor = 50);
CREATE TABLE odds (upto bigint PRIMARY KEY, place int NOT NULL);

-- Makes the odds from what is in stock.
CREATE FUNCTION weigh() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE odds IN EXCLUSIVE MODE;
    DELETE FROM odds;
    INSERT INTO odds SELECT sum(weight) OVER (ORDER BY place), place FROM item WHERE units > 0;
END $$;

-- Draws at most as often as there are numbers, which are uniform below 2^63. A number that would
-- make the odds uneven, or falls on an item that ran out meanwhile, is passed over.
CREATE FUNCTION draw(numbers bigint[], OUT places int[], OUT sold_out boolean) LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
    total bigint;
    chosen int;
    units_left bigint;
BEGIN
    places := '{}';
    sold_out := false;
    FOREACH number IN ARRAY numbers LOOP
        SELECT every.total, (
            SELECT place FROM odds WHERE upto > number % every.total ORDER BY upto LIMIT 1
        ) INTO total, chosen FROM (SELECT max(upto) AS total FROM odds) AS every;
        IF total IS NULL THEN
            sold_out := true;
            EXIT;
        END IF;
        CONTINUE WHEN number > 9223372036854775807 - (9223372036854775807 % total + 1) % total;
        UPDATE item SET units = units - 1 WHERE place = chosen AND units > 0
            RETURNING units INTO units_left;
        CONTINUE WHEN NOT FOUND;
        places := places || chosen;
        IF units_left = 0 THEN
            PERFORM weigh();
        END IF;
    END LOOP;
END $$;
